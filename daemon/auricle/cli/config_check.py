"""`auricle config check [FILE]`: lists all mistakes in the configuration with their lines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from auricle.cli import config_show
from auricle.config.loading import Examination
from auricle.config.locations import find_config
from auricle.config.mistakes import Mistake
from auricle.service.references import examine


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="list all mistakes in the configuration",
        description="Read a configuration file and its drop-ins, and list all mistakes in them. "
        "The command also checks the models, the token and the devices that they name, as the "
        "daemon does when it starts. A missing device is only a warning, because the daemon waits "
        "for it.",
    )
    check.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        type=Path,
        help="the main file (default: that of the daemon)",
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(work=check_configuration)
    config_show.add_action(actions)


def run(arguments: argparse.Namespace) -> int:
    """Run the action; return its exit status."""
    work: Callable[[argparse.Namespace], int] = arguments.work
    return work(arguments)


def check_configuration(arguments: argparse.Namespace) -> int:
    """Print OK and return 0, or print the mistakes on standard error and return 1."""
    examination = examine(arguments.file or find_config())
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(examination), ensure_ascii=False) + "\n")
    else:
        sys.stderr.write("".join(f"{mistake}\n" for mistake in examination.mistakes))
        sys.stderr.write("".join(f"warning: {warning}\n" for warning in examination.warnings))
        sys.stdout.write("" if examination.mistakes else f"{examination.file}: OK\n")
    return 1 if examination.mistakes else 0


def as_json(examination: Examination) -> dict[str, object]:
    """Return the result as a JSON object."""
    return {
        "file": str(examination.file),
        "ok": not examination.mistakes,
        "mistakes": [mistake_as_json(mistake) for mistake in examination.mistakes],
        "warnings": [mistake_as_json(warning) for warning in examination.warnings],
    }


def mistake_as_json(mistake: Mistake) -> dict[str, object]:
    """Return a mistake as a JSON object; line 0 means the file as a whole."""
    return {
        "file": str(mistake.file),
        "line": mistake.line,
        "key": mistake.key,
        "value": mistake.value,
        "remedy": mistake.remedy,
    }
