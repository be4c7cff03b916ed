"""Generate texts for `synthesize`: spelled words, numbers, times, addresses, names, sentences."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.synthesis.texts.mixture import SHARES, kinds, texts, write
from auricle_train.synthesis.texts.sources import read_lists, unspoken


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--people", type=Path, metavar="FILE",
                        help="more names of people, one per line")  # fmt: skip
    parser.add_argument("--places", type=Path, metavar="FILE", help="more names of places")
    parser.add_argument("--kinds", nargs="+", choices=SHARES, default=list(SHARES),
                        help=f"kinds to generate, from {_told(SHARES)}")  # fmt: skip
    parser.add_argument("--count", type=int, default=10_000, help="number of texts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="table for `synthesize --text`")


def _told(shares: dict[str, float]) -> str:
    return ", ".join(f"{kind} {share:g}" for kind, share in shares.items())


def run(arguments: argparse.Namespace) -> None:
    """Write the table."""
    lists = read_lists(arguments.data, arguments.people, arguments.places)
    sentences = unspoken(arguments.data) if "sentences" in arguments.kinds else []
    shares = {kind: SHARES[kind] for kind in arguments.kinds}
    drawn = texts(kinds(lists, sentences), shares, arguments.count, arguments.seed)
    print(f"{arguments.out}: {write(drawn, arguments.out)} texts")
