"""Train the token n-gram language model of the first pass."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.errors import ArgumentError
from auricle.tokenizer import Tokenizer
from auricle_train.lm.token_lm import make, read_sources

LIMIT = 2_000_000  # bytes


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--order", type=int, choices=range(2, 7), default=5)
    parser.add_argument("--size", type=int, default=LIMIT, help="maximum file size in bytes")
    parser.add_argument(
        "--text", type=Path, nargs="*", default=[], help="more texts, one sentence per line"
    )
    parser.add_argument("--out", type=Path, required=True, help="ngram.bin")


def run(arguments: argparse.Namespace) -> None:
    """Write the model; print its sources and their losses."""
    sources = read_sources(arguments.data, arguments.text)
    try:
        made = make(sources, Tokenizer.load(arguments.vocabulary), arguments.order, arguments.size)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    arguments.out.write_bytes(made.content)
    for name, sentences in sources.items():
        loss = f"{made.losses[name]:.3f} nats per token" if name in made.losses else ""
        print(f"{name:12} {len(sentences):6} sentences  weight {made.weights[name]:.3f}  {loss}")
    print(f"{arguments.out}: {len(made.content)} bytes, n-grams by length: {made.sizes}")
