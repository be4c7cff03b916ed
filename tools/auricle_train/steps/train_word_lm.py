"""Train the lexicon and the word n-gram language model of the first pass."""

from __future__ import annotations

import argparse
from pathlib import Path

from wordfreq import top_n_list, word_frequency

from auricle.errors import ArgumentError
from auricle.tokenizer import Tokenizer
from auricle_train.lm.token_lm import read_sources
from auricle_train.lm.word_lm import make_words

LIMIT = 8_000_000  # bytes
LEAST_FREQUENCY = 1e-8


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--order", type=int, choices=range(2, 5), default=3)
    parser.add_argument("--words", type=int, default=0,
                        help="add this many frequent English words from the `wordfreq` package "
                        "(its data are CC BY-SA 4.0)")  # fmt: skip
    parser.add_argument("--size", type=int, default=LIMIT, help="maximum file size in bytes")
    parser.add_argument(
        "--text", type=Path, nargs="*", default=[],
        help="general English texts, one sentence per line; each file is one source",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="words.bin")


def run(arguments: argparse.Namespace) -> None:
    """Write the model; print its sources, their weights and losses."""
    sources = read_sources(arguments.data, arguments.text)
    trusted = [name for name in sources if name not in {path.stem for path in arguments.text}]
    frequencies = {
        word: max(word_frequency(word, "en"), LEAST_FREQUENCY)
        for word in top_n_list("en", arguments.words)
    }
    tokenizer = Tokenizer.load(arguments.vocabulary)
    try:
        made = make_words(sources, frequencies, tokenizer, arguments.order, arguments.size, trusted)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    arguments.out.write_bytes(made.content)
    for name, weight in made.weights.items():
        loss = f"{made.losses[name]:.3f} nats per word" if name in made.losses else ""
        count = len(sources.get(name, ()))
        print(f"{name:12} {count:6} sentences  weight {weight:.3f}  {loss}")
    print(f"{arguments.out}: {len(made.content)} bytes, {made.words} words, "
          f"n-grams by length: {made.sizes}")  # fmt: skip
