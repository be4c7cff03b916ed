"""Count after which words commands end, and put that into a bundle."""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

from auricle.recognizer.recognizer import ENDINGS
from auricle_train.endings import count
from auricle_train.fuse import add_file
from auricle_train.language import read_sources


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--data", type=Path, required=True, help="folder of sets, see `corpus.py`")
    parser.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")


def run(arguments: argparse.Namespace) -> None:
    """Write the file into the bundle, whose manifest names it then."""
    shares = count(chain.from_iterable(read_sources(arguments.data, []).values()))
    lines = [f"{words}\t{share:.3g}\n" for words, share in shares.items()]
    add_file(arguments.bundle, ENDINGS, "".join(lines).encode())
    print(f"{arguments.bundle / ENDINGS}: {len(shares)} words and pairs of words")
