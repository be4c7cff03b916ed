"""Progress of a run: a progress bar on a terminal, otherwise one line every 20 steps.

In: rows of the log. Out: standard output.
"""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from auricle_train.training.run_log import Row

EVERY = 20  # steps per line
APART = ("step", "elapsed", "heard_hours")  # shown before the losses


class Display:
    """Shows rows of the log; use as a context manager."""

    def __init__(self, minutes: float, shown: bool = True) -> None:
        console = Console(quiet=not shown)
        self._bar = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=console)
            self._task = self._bar.add_task("", total=minutes * 60)
        self._shown = shown

    def __enter__(self) -> Display:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, row: Row) -> None:
        """Show the progress of the run."""
        if self._bar:
            self._bar.update(self._task, description=told(row), completed=row["elapsed"])
        elif row["step"] % EVERY == 0:
            self.tell(told(row))

    def tell(self, sentence: str) -> None:
        """Print a message."""
        if self._bar:
            self._bar.console.print(sentence, markup=False)
        elif self._shown:
            print(sentence, flush=True)


def told(row: Row) -> str:
    """Return a row as one line of text."""
    losses = "  ".join(f"{name} {value}" for name, value in row.items() if name not in APART)
    return f"step {row['step']}  {row['heard_hours']:.2f} h heard  {losses}"
