"""Write the section OPTIONS of the manual page of `auricle` from its parsers.

In: the commands listed in auricle.cli.main. Out: packaging/man/auricle.1 with a new text between
the two lines that mark the section. `--check` writes nothing and fails if the text differs.

    PYTHONPATH=daemon:tools python tools/man_page.py [--check] [PAGE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from auricle.cli.main import COMMANDS, build_parser
from completions import subcommands

PAGE = Path(__file__).parents[1] / "packaging" / "man" / "auricle.1"
BEGIN = '.\\" Written by tools/man_page.py, up to the next comment.\n'
END = '.\\" End of what tools/man_page.py writes.\n'


def section() -> str:
    """Return the section in the format of man(7)."""
    parts = [".SH OPTIONS\n"]
    for command in COMMANDS:
        parser = subcommands(build_parser(command.name))[command.name]
        parts += _options(f"auricle {command.name}", command.summary, parser)
        for action in _actions(parser):
            own = subcommands(parser)[action.dest]
            parts += _options(f"auricle {command.name} {action.dest}", action.help or "", own)
    return "".join(parts)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the subcommands of a parser with their summaries."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action._choices_actions)
    return []


def _options(name: str, summary: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the arguments of a command."""
    if subcommands(parser):
        return
    yield f".SS {_escaped(name)}\n{_escaped(_sentence(summary))}\n"
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        help_text = parser._get_formatter()._expand_help(action) if action.help else ""
        yield f".TP\n{_heading(action)}\n{_escaped(_sentence(help_text))}\n"


def _heading(action: argparse.Action) -> str:
    """Return an option with its value, or a positional argument."""
    value = _value(action)
    if not action.option_strings:
        return f".I {_escaped(value)}"
    options = "\\fR, \\fB".join(map(_escaped, action.option_strings))
    return f".BI {options}" + (f' " {_escaped(value)}"' if action.nargs != 0 else "")


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return "|".join(map(str, action.choices))
    return action.dest.upper()


def _sentence(text: str) -> str:
    """Return a text of the help as a sentence; a value that begins it stays as it is."""
    begins_with_value = text.partition(" ")[0].endswith(":")
    return (text if begins_with_value else text[:1].upper() + text[1:]) + "."


def _escaped(text: str) -> str:
    """Return a text with the characters escaped that man(7) interprets."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def filled(page: str) -> str:
    """Return a page with the section of today.

    Raises:
        ValueError: the page lacks a marking line.
    """
    before, separator, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not separator or not end:
        raise ValueError("the page needs the two lines that mark the section")
    return before + BEGIN + section() + END + after


def main(words: list[str]) -> int:
    """Write or check the page; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the options of auricle(1).")
    parser.add_argument("--check", action="store_true", help="fail if the page is out of date")
    parser.add_argument("page", nargs="?", type=Path, default=PAGE)
    arguments = parser.parse_args(words)
    old = arguments.page.read_text(encoding="utf-8")
    new = filled(old)
    if arguments.check:
        if old != new:
            print(f"{arguments.page} is out of date; run tools/man_page.py", file=sys.stderr)
        return int(old != new)
    arguments.page.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
