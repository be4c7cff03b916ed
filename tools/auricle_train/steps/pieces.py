"""Cut the vocabulary of the second pass from Whisper's."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.corpus import SPEECH, read_set, read_texts
from auricle_train.pieces import cut, write
from auricle_train.whisper import read_tokens


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--data", type=Path, required=True, help="folder of sets, see `corpus.py`")
    parser.add_argument("--whisper", type=Path, required=True, help="CTranslate2's model.bin")
    parser.add_argument("--size", type=int, default=10_240)
    parser.add_argument("--out", type=Path, required=True, help="pieces.txt")


def run(arguments: argparse.Namespace) -> None:
    """Keep what the texts and the clips use, and what is common."""
    sentences = read_texts(arguments.data)
    for name in SPEECH:
        sentences += [clip.text for clip in read_set(arguments.data, name, "train")]
    write(cut(read_tokens(arguments.whisper), sentences, arguments.size), arguments.out)
