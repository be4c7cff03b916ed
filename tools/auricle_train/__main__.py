"""`python -m auricle_train STEP` runs one training step, a module of `steps`.

Exit status 0: done. 1: failed, with one sentence on standard error. 2: wrong usage.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from auricle.errors import AuricleError

STEPS = Path(__file__).parent / "steps"
# Step names from before version 0.2.0. They still work, but the help does not list them.
FORMER_NAMES = {
    "attach": "add-context-attention",
    "attend": "train-context-attention",
    "fuse": "add-lm",
    "language": "train-token-lm",
    "weights": "tune-lm",
    "write": "restyle-transcripts",
}


def summaries() -> dict[str, str]:
    """Return the summary of each step by name, without importing the steps' libraries."""
    return {
        path.stem.replace("_", "-"): (
            ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        ).splitlines()[0]
        for path in sorted(STEPS.glob("[a-z]*.py"))
    }


def build_parser(name: str | None) -> argparse.ArgumentParser:
    """Return a parser that lists all steps and has the arguments of step `name`."""
    parser = argparse.ArgumentParser(
        prog="auricle_train",
        description="Train, export and evaluate the recogniser. Each step is one command.",
        epilog="`python -m auricle_train STEP --help` explains a step.",
    )
    steps = parser.add_subparsers(metavar="STEP", required=True)
    for step, summary in summaries().items():
        own = steps.add_parser(step, help=summary, description=summary)
        if step == name:
            module = importlib.import_module(f"auricle_train.steps.{step.replace('-', '_')}")
            module.configure(own)
            own.set_defaults(run=module.run)
    return parser


def main(words: Sequence[str]) -> int:
    """Run the step that the command line names; return the exit status."""
    words = list(words)
    place = next((place for place, word in enumerate(words) if not word.startswith("-")), None)
    if place is not None:
        words[place] = FORMER_NAMES.get(words[place], words[place])
    name = words[place] if place is not None else None
    arguments = build_parser(name).parse_args(words)
    try:
        arguments.run(arguments)
    except (AuricleError, OSError) as error:
        print(f"auricle_train: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
