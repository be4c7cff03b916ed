"""Make the small language model of the first pass."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.errors import ArgumentError
from auricle.tokenizer import Tokenizer
from auricle_train.lm.token_lm import make, read_sources

LIMIT = 2_000_000  # bytes


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--data", type=Path, required=True, help="folder of sets: `data/corpus.py`")
    parser.add_argument("--vocabulary", type=Path, required=True, help="of the first pass")
    parser.add_argument("--order", type=int, choices=range(2, 7), default=5)
    parser.add_argument("--size", type=int, default=LIMIT, help="bytes of the file at most")
    parser.add_argument(
        "--text", type=Path, nargs="*", default=[], help="more text, a sentence a line"
    )
    parser.add_argument("--out", type=Path, required=True, help="ngram.bin")


def run(arguments: argparse.Namespace) -> None:
    """Write the model, and tell what it is made of."""
    sources = read_sources(arguments.data, arguments.text)
    try:
        made = make(sources, Tokenizer.load(arguments.vocabulary), arguments.order, arguments.size)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    arguments.out.write_bytes(made.content)
    for name, sentences in sources.items():
        loss = f"{made.losses[name]:.3f} nats a token" if name in made.losses else ""
        print(f"{name:12} {len(sentences):6} sentences  weight {made.weights[name]:.3f}  {loss}")
    print(f"{arguments.out}: {len(made.content)} bytes, n-grams by length: {made.sizes}")
