"""`python -m recipes run FILE` runs a recipe from data to bundle; `recipe.py` explains the file.

Exit status 0: done. 1: failed, with one sentence on standard error. 2: wrong usage. 130:
interrupted; run it again to resume.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from auricle.errors import AuricleError
from recipes import records, runner
from recipes.recipe import Recipe, read_recipe
from recipes.stamps import sha256


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="recipes", description="Reproduce a shipped model.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, action, told in (
        ("run", _run, "run the unfinished steps"),
        ("list", _list, "list finished steps, and the commands of the others"),
        ("sums", _sums, "print the SHA-256 of the recipe's data files on this machine"),
    ):
        command = commands.add_parser(name, help=told, description=told)
        command.add_argument("file", type=Path, help="recipe (YAML file)")
        command.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE",
                             help="override places and values of the recipe")  # fmt: skip
        command.set_defaults(action=action)
    run = commands.choices["run"]
    run.add_argument("--from", dest="first", default="", metavar="STEP", help="first step to run")
    run.add_argument("--until", dest="last", default="", metavar="STEP", help="last step to run")
    run.add_argument("--again", action="store_true", help="run finished steps again")
    return parser


def _run(recipe: Recipe, arguments: argparse.Namespace) -> None:
    steps = runner.chosen(recipe, arguments.first, arguments.last)
    runner.run(recipe, steps, partial(print, flush=True), again=arguments.again)


def _list(recipe: Recipe, arguments: argparse.Namespace) -> None:
    for step in recipe.steps:
        why = records.why_not_done(recipe, step)
        print(f"{step.name}: {f'runs, because {why}' if why else 'done'}")
        if why:
            print(f"  {shlex.join(step.command)}")


def _sums(recipe: Recipe, arguments: argparse.Namespace) -> None:
    for path in recipe.data:
        print(f"{sha256(path)}  {path}")


def _terminate(number: int, frame: FrameType | None) -> None:
    raise runner.Terminated


def main(words: Sequence[str]) -> int:
    """Run the command that the command line names; return the exit status."""
    arguments = build_parser().parse_args(words)
    signal.signal(signal.SIGTERM, _terminate)
    changes = dict(change.partition("=")[::2] for change in arguments.set)
    try:
        arguments.action(read_recipe(arguments.file, changes), arguments)
    except (AuricleError, OSError) as error:
        print(f"recipes: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("recipes: interrupted; run it again to resume", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
