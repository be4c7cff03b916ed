"""The manual page lists what the command accepts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from auricle.cli.main import COMMANDS, build_parser
from completions import subcommands

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "packaging" / "man" / "auricle.1"
TOOL = ROOT / "tools" / "man_page.py"


def test_the_page_has_the_options_of_today() -> None:
    done = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_every_option_of_every_command_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8").replace("\\-", "-")
    sections = dict(part.split("\n", 1) for part in page.split(".SS ")[1:])
    for command in COMMANDS:
        parser = subcommands(build_parser(command.name))[command.name]
        parsers = {f"auricle {command.name}": parser}
        if own := subcommands(parser):
            parsers = {f"auricle {command.name} {name}": each for name, each in own.items()}
        for name, each in parsers.items():
            headings = re.findall(r"^\.BI (.*)$", sections[name], re.MULTILINE)
            listed = {word for line in headings for word in re.findall(r"-[\w-]+", line)}
            options = {option for action in each._actions for option in action.option_strings}
            assert listed == options - {"-h", "--help"}


def test_an_old_page_is_found(tmp_path: Path) -> None:
    old = tmp_path / "auricle.1"
    old.write_text(PAGE.read_text(encoding="utf-8").replace("\\-\\-nbest", "\\-\\-best"), "utf-8")
    arguments = [sys.executable, str(TOOL), str(old)]
    assert subprocess.run([*arguments, "--check"], check=False).returncode == 1
    assert subprocess.run(arguments, check=True).returncode == 0
    assert old.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")
