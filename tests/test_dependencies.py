"""The floors of the house: which folder may import which, read from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "daemon" / "auricle"
# Folders from the ground up. A module imports from its own floor and from those below it.
FLOORS = (
    {"errors", "defaults", "atomic_file", "streaming", "tasks", "fault_reports",
     "damaged_files", "origin", "token_bucket", "user_names"},
    {"parsing"},
    {"features", "tokenizer", "tflite", "bundle", "audio", "dbus", "config"},
    {"lattice", "wake", "context", "compute", "wire"},
    {"biasing"},
    {"recognizer"},
    {"session", "events", "assistant"},
    {"engine", "client", "privacy", "ducking", "relay"},
    {"offline", "actions", "feedback"},
    {"bus"},
    {"service"},
    {"diagnosis"},
    {"cli"},
)
# What the core must never reach: D-Bus and the command line.
CORE = ("features", "tokenizer", "tflite", "audio", "wake", "lattice", "biasing", "recognizer",
        "session", "events", "engine")  # fmt: skip


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and name of each folder or module of Auricle that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("auricle."):
                yield node.lineno, name.split(".")[1]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_each_room_has_a_floor() -> None:
    assert {room_of(path) for path in FILES} <= set().union(*FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_imports_upwards(path: Path) -> None:
    floor = floor_of(room_of(path))
    upward = [f"{path}:{line}: imports {room}" for line, room in imports(path)
              if room != room_of(path) and floor_of(room) > floor]  # fmt: skip
    assert not upward


@pytest.mark.parametrize("room", CORE)
def test_the_core_knows_neither_dbus_nor_the_command_line(room: str) -> None:
    outside = ("bus", "dbus", "cli", "client")
    files = [path for path in FILES if room_of(path) == room]
    found = [f"{path}:{line}" for path in files for line, other in imports(path)
             if other in outside]  # fmt: skip
    assert not found
