"""Learn the sentencepiece vocabulary of the first pass."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.data.corpus import read_texts, read_transcripts
from auricle_train.tokens.sentencepiece_vocabulary import learn


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--out", type=Path, required=True, help="tokens.txt")


def run(arguments: argparse.Namespace) -> None:
    """Learn from the texts and the transcripts."""
    sentences = read_texts(arguments.data) + read_transcripts(arguments.data)
    learn(sentences, arguments.size, arguments.out)
