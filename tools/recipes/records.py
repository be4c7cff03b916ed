"""Records of finished steps: one JSON file per step in `WORK/records`.

In: a step. Out: whether it is done: its command, inputs and outputs match its record. The commit is
recorded but not compared, because most commits do not affect most steps.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from auricle.atomic_file import replace_file
from recipes.recipe import Recipe, Step
from recipes.stamps import stamp

UNKNOWN = "unknown"  # commit of a folder outside any git repository


@dataclass(frozen=True)
class Record:
    """A finished step."""

    name: str
    template: list[str]  # command with placeholders for places
    inputs: dict[str, str]  # stamps by file or folder
    outputs: dict[str, str]
    commit: str  # commit of the code; a "+" at the end means uncommitted changes
    started: str  # ISO 8601, UTC
    seconds: float


def path_of(recipe: Recipe, step: Step) -> Path:
    """Return the file of a step's record."""
    return recipe.work / "records" / f"{step.name}.json"


def stamps_of(paths: tuple[Path, ...]) -> dict[str, str]:
    """Return the stamps of files and folders, keyed by position and name, without the folder."""
    return {f"{number} {path.name}": stamp(path) for number, path in enumerate(paths)}


def read(recipe: Recipe, step: Step) -> Record | None:
    """Return the record of a step; None if it is missing or incomplete."""
    try:
        return Record(**json.loads(path_of(recipe, step).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(recipe: Recipe, record: Record, step: Step) -> None:
    """Write the record of a step, atomically."""
    path = path_of(recipe, step)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, json.dumps(asdict(record), indent=1).encode() + b"\n")


def why_not_done(recipe: Recipe, step: Step) -> str:
    """Return why a step has to run; empty if it is done."""
    record = read(recipe, step)
    if record is None:
        return "it has not been run"
    if record.template != list(step.template):
        return "its command has changed"
    if record.inputs != stamps_of(step.inputs):
        return "an input has changed"
    if record.outputs != stamps_of(step.outputs):
        return "an output is missing or has changed"
    return ""


def commit_of(folder: Path) -> str:
    """Return the commit of a working tree, with "+" if it has uncommitted changes."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return commit + ("+" if changed else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
