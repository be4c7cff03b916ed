"""Keeps the curves of training runs as small files, and plots them.

    python -m figures.curves keep run/log.jsonl --name en-tiny-0.6 --about "..."
    python -m figures.curves draw

In: the log of a run (see `auricle_train/training/run_log.py`): rows with `step`, `elapsed`
(seconds), `heard_hours` and losses, or with `dev`, word error rates in percent by kind and set.
Out: `models/curves/NAME.json`, a few kilobytes: losses averaged over equal intervals of audio
hours, and dev word error rates; and one plot of all kept curves: losses and dev word error rates
(mean over sets) against hours of audio.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib.figure import Figure

from auricle.atomic_file import replace_file
from auricle.errors import ArgumentError, AuricleError
from auricle_train.training.run_log import read_rows

FOLDER = Path(__file__).resolve().parents[2] / "models" / "curves"
PICTURE = "curves.png"
POINTS = 120  # maximum points per loss curve
LOOKS = 40  # maximum dev measurements
NO_LOSSES = {"step", "elapsed", "heard_hours", "rate", "left_out", "dropped", "dev"}
CEILING = 100.0  # percent; higher rates are plotted here

Rates = dict[str, dict[str, float]]  # word error rates in percent, by kind and set


@dataclass(frozen=True)
class Look:
    """Word error rates on the dev clips at one point of a run."""

    heard_hours: float
    dev: Rates


@dataclass(frozen=True)
class Curve:
    """The curves of one run."""

    name: str
    about: str  # what was trained, on which data, from which commit
    elapsed_hours: float  # training time
    heard_hours: list[float]  # hours of audio at each point of the losses
    losses: dict[str, list[float | None]]  # means since the previous point; None: not computed
    looks: list[Look]


def keep(log: Path, name: str, about: str) -> Curve:
    """Return the curve of a log.

    Raises:
        ArgumentError: the log has no losses.
    """
    rows = list(read_rows(log))
    steps = [row for row in rows if _losses(row)]
    if not steps:
        raise ArgumentError(f"log: {log} has no losses; use a log.jsonl that training wrote")
    bins = _binned(steps)
    names = dict.fromkeys(key for row in steps for key in _losses(row))
    return Curve(
        name=name,
        about=about,
        elapsed_hours=round(rows[-1].get("elapsed", 0.0) / 3600, 3),
        heard_hours=[round(some[-1]["heard_hours"], 2) for some in bins],
        losses={key: [_mean(some, key) for some in bins] for key in names},
        looks=_thinned([Look(row["heard_hours"], row["dev"]) for row in rows if "dev" in row]),
    )


def _losses(row: dict[str, Any]) -> list[str]:
    """Return the names of the losses in a row."""
    return [key for key, value in row.items()
            if key not in NO_LOSSES and isinstance(value, int | float)]  # fmt: skip


def _binned(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the rows in bins of equal audio hours, without empty bins."""
    width = max(row["heard_hours"] for row in rows) / POINTS
    bins: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        number = min(int(row["heard_hours"] / width), POINTS - 1) if width else 0
        bins.setdefault(number, []).append(row)
    return [bins[number] for number in sorted(bins)]


def _mean(rows: Iterable[dict[str, Any]], key: str) -> float | None:
    values = [row[key] for row in rows if row.get(key)]  # 0: the loss was not computed
    return round(fmean(values), 4) if values else None


def _thinned(looks: list[Look]) -> list[Look]:
    """Return at most `LOOKS` evenly spaced measurements, including the last."""
    if len(looks) <= LOOKS:
        return looks
    last = len(looks) - 1
    return [looks[round(number * last / (LOOKS - 1))] for number in range(LOOKS)]


def write(curve: Curve, folder: Path) -> Path:
    """Write a curve as JSON, one line per field; return the path."""
    rows = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in asdict(curve).items()]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{curve.name}.json"
    replace_file(path, ("{\n" + ",\n".join(rows) + "\n}\n").encode())
    path.chmod(0o644)
    return path


def read(path: Path) -> Curve:
    """Read a file written by `write`.

    Raises:
        ArgumentError: the file is not a curve.
    """
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        looks = [Look(**look) for look in row.pop("looks")]
        return Curve(**row, looks=looks)
    except (ValueError, KeyError, TypeError) as error:
        raise ArgumentError(f"curves: {path} is not a curve; keep it again or delete it") from error


def draw(curves: Sequence[Curve], out: Path) -> None:
    """Plot one panel per loss and per kind of dev rates, with one line per run."""
    losses = list(dict.fromkeys(key for curve in curves for key in curve.losses))
    kinds = list(
        dict.fromkeys(kind for curve in curves for look in curve.looks for kind in look.dev)
    )
    count = max(len(losses) + len(kinds), 1)
    figure = Figure(figsize=(4.4 * count, 4.0), layout="constrained")
    panels = figure.subplots(1, count, squeeze=False)[0]
    for panel, key in zip(panels, losses, strict=False):
        for number, curve in enumerate(curves):
            points = [(hours, value) for hours, value in
                      zip(curve.heard_hours, curve.losses.get(key, []), strict=False)
                      if value is not None]  # fmt: skip
            panel.plot(*_columns(points), label=curve.name, color=f"C{number}")
        panel.set(title=f"loss: {key}, nats per token", yscale="log")
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter("{x:g}")
    for panel, kind in zip(panels[len(losses) :], kinds, strict=False):
        for number, curve in enumerate(curves):
            points = [(look.heard_hours, min(fmean(look.dev[kind].values()), CEILING))
                      for look in curve.looks if look.dev.get(kind)]  # fmt: skip
            panel.plot(*_columns(points), "o-", markersize=3, label=curve.name, color=f"C{number}")
        panel.set(title=f"dev word errors: {kind}, %", ylim=(0, None))
    for panel in panels:
        panel.set(xlabel="hours of audio", xlim=(0, None))
        panel.grid(alpha=0.3, which="both")
        panel.legend(fontsize="small")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=100)


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of both commands."""
    parser = argparse.ArgumentParser(prog="figures.curves", description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=Path, default=FOLDER, help="folder for the curves")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    keeping = commands.add_parser("keep", help="keep the curve of a log")
    keeping.add_argument("log", type=Path, help="log.jsonl of a run")
    keeping.add_argument("--name", required=True, help="name of the run")
    keeping.add_argument("--about", default="", help="model, data and commit")
    drawing = commands.add_parser("draw", help="plot all kept curves")
    drawing.add_argument("--out", type=Path, help=f"default: {PICTURE} beside the curves")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Run the chosen command.

    Raises:
        ArgumentError: a file has no losses or no curve, or there is no curve to plot.
    """
    folder = arguments.curves
    if arguments.command == "keep":
        path = write(keep(arguments.log, arguments.name, arguments.about), folder)
        print(f"{path}: {path.stat().st_size} bytes")
        return
    curves = [read(path) for path in sorted(folder.glob("*.json"))]
    if not curves:
        raise ArgumentError(f"curves: {folder} has none; `figures.curves keep` adds them")
    out = arguments.out or folder / PICTURE
    draw(curves, out)
    print(f"{out}: {', '.join(curve.name for curve in curves)}")


def main(words: Sequence[str]) -> int:
    """Run the command that the command line names; return the exit status."""
    try:
        run(build_parser().parse_args(words))
    except (AuricleError, OSError) as error:
        print(f"figures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
