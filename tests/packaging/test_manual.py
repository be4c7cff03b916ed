"""The manual page is valid and lists all commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from auricle.cli.main import COMMANDS, Command

PAGE = Path(__file__).parents[2] / "packaging" / "man" / "auricle.1"


def test_the_page_formats_without_a_warning() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(PAGE)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_page_names_every_command(command: Command) -> None:
    name = command.name.replace("-", r"\-")
    assert f"auricle {name}" in PAGE.read_text(encoding="utf-8")
