"""Runs the unfinished steps of a recipe.

In: a recipe. Out: the outputs of its steps, their logs `WORK/logs/STEP.log`, and `WORK/records`. A
run that was stopped or failed resumes at the unfinished step; most steps of auricle_train resume
from their own files. A lock in `WORK`, which the process of a step inherits, prevents two runs at
once, even after a kill.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from recipes import records
from recipes.recipe import Recipe, RecipeError, Step
from recipes.stamps import check

TOOLS = Path(__file__).resolve().parents[1]
SHOWN = 3  # last log lines in the error message of a failed step

Tell = Callable[[str], None]


class Terminated(KeyboardInterrupt):
    """Raised by the SIGTERM handler of `__main__`."""


def chosen(recipe: Recipe, first: str = "", last: str = "") -> Sequence[Step]:
    """Return the steps from `first` to `last`, inclusive; empty names mean no limit.

    Raises:
        RecipeError: there is no such step.
    """
    names = [step.name for step in recipe.steps]
    for name in filter(None, (first, last)):
        if name not in names:
            raise RecipeError(f"step: {name!r} is not one of {', '.join(names)}; name one of these")
    begin = names.index(first) if first else 0
    end = names.index(last) + 1 if last else len(names)
    return recipe.steps[begin:end]


def run(recipe: Recipe, steps: Sequence[Step], tell: Tell = print, *, again: bool = False) -> None:
    """Run the unfinished steps, one after another.

    Args:
        recipe: the recipe of the steps.
        steps: steps to run.
        tell: prints a line before and after each step.
        again: run finished steps as well.

    Raises:
        RecipeError: an input is missing or differs from the recipe's, or a step failed.
    """
    with _locked(recipe) as lock:
        for step in steps:
            why = "of --again" if again else records.why_not_done(recipe, step)
            if why:
                tell(f"{step.name}: runs, because {why}")
                tell(f"{step.name}: took {_run_step(recipe, step, lock).seconds:.0f} s")
            else:
                tell(f"{step.name}: done")


@contextmanager
def _locked(recipe: Recipe) -> Iterator[int]:
    """Lock the work folder; yield the file descriptor of the lock."""
    recipe.work.mkdir(parents=True, exist_ok=True)
    lock = os.open(recipe.work / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield lock
    except BlockingIOError as error:
        raise RecipeError(
            f"work: another run, or a step that outlived its run, uses {recipe.work}; wait for it "
            "or end it"
        ) from error
    finally:
        os.close(lock)


def _run_step(recipe: Recipe, step: Step, lock: int) -> records.Record:
    check(recipe.data_of(step))
    for path in step.inputs:
        if not path.exists():
            raise RecipeError(
                f"step {step.name}: its input {path} is missing; run the step that writes it, or "
                "put it there"
            )
    for path in step.outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
    inputs = records.stamps_of(step.inputs)
    started, began = datetime.now(UTC), time.monotonic()
    _call(step, _log_of(recipe, step), started, lock)
    for path in step.outputs:
        if not path.exists():
            raise RecipeError(
                f"step {step.name}: succeeded but {path} is missing; compare its arguments with "
                "its outputs"
            )
    record = records.Record(
        name=step.name,
        template=list(step.template),
        inputs=inputs,
        outputs=records.stamps_of(step.outputs),
        commit=records.commit_of(Path(__file__).parent),
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 1),
    )
    records.write(recipe, record, step)
    return record


def _log_of(recipe: Recipe, step: Step) -> Path:
    folder = recipe.work / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{step.name}.log"


def _call(step: Step, log: Path, started: datetime, lock: int) -> None:
    """Run the command and append its output to the log."""
    with log.open("ab") as file:
        header = f"# {started.isoformat(timespec='seconds')} {shlex.join(step.command)}\n"
        file.write(header.encode())
        file.flush()
        try:
            process = subprocess.Popen(
                step.command, stdout=file, stderr=subprocess.STDOUT, pass_fds=(lock,), env=_env()
            )
        except OSError as error:
            raise RecipeError(
                f"step {step.name}: {step.command[0]} cannot be run ({error.strerror}); install "
                "it, or name another with --set"
            ) from error
        status = _wait(process)
    if status:
        said = _last_lines(log) or "no output"
        raise RecipeError(
            f"step {step.name}: ended with status {status}: {said}; see {log}, fix the cause and "
            "run the recipe again: it resumes here"
        )


def _env() -> dict[str, str]:
    """Return the environment of a step, with the folder tools/ in PYTHONPATH."""
    found = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(TOOLS), found)))}


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Return the status of a process; always wait until it has ended."""
    try:
        return process.wait()
    except Terminated:
        process.send_signal(signal.SIGTERM)
        raise
    finally:
        process.wait()  # a terminal sends it SIGINT too; it may need time to save


def _last_lines(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    header = max(number for number, line in enumerate(lines) if line.startswith("# "))
    return " | ".join(lines[header + 1 :][-SHOWN:])
