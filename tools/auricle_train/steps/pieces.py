"""Make the vocabulary of the second pass, a subset of Whisper's."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from wordfreq import top_n_list, word_frequency

from auricle_train.data.corpus import read_texts, read_transcripts
from auricle_train.models.whisper_weights import read_tokens
from auricle_train.tokens.whisper_vocabulary import cut, write

GENERAL = 60_000  # number of general English words
COMMANDS = 0.5  # weight of our texts in word frequencies; the rest is general English


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--whisper", type=Path, required=True, help="CTranslate2 model.bin")
    parser.add_argument("--size", type=int, default=35_000)
    parser.add_argument("--out", type=Path, required=True, help="pieces.txt")


def run(arguments: argparse.Namespace) -> None:
    """Keep the pieces that our texts, our transcripts and general English use most."""
    sentences = read_texts(arguments.data) + read_transcripts(arguments.data)
    ours = Counter(word for text in sentences for word in text.split())
    words: Counter[str] = Counter()
    for word in top_n_list("en", GENERAL):
        words[word] += (1 - COMMANDS) * word_frequency(word, "en")
    for word, count in ours.items():
        words[word] += COMMANDS * count / ours.total()
    write(cut(read_tokens(arguments.whisper), words, arguments.size), arguments.out)
