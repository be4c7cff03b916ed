"""Measure the word error rate of the first pass for several language model weights."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.bundle.manifest import load_bundle
from auricle.recognizer.shallow_fusion import Weights
from auricle_train.data.corpus import REAL_DEV
from auricle_train.evaluation.lm_weights import FirstPass, Half, table


def weights(text: str) -> Weights:
    """Parse `LANGUAGE,INTERNAL,REWARD` or `NAME=VALUE,NAME=VALUE`.

    Weights that are not named keep their defaults.
    """
    if "=" not in text:
        language, internal, reward = map(float, text.split(","))
        return Weights(language=language, internal=internal, reward=reward)
    named = dict(part.split("=", 1) for part in text.split(","))
    unknown = sorted(set(named) - set(Weights.__dataclass_fields__))
    if unknown:
        known = ", ".join(Weights.__dataclass_fields__)
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not a weight: use some of {known}")
    return Weights(**{name: float(value) for name, value in named.items()})


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--bundle", type=Path, required=True, help="bundle folder")
    parser.add_argument("--language", type=Path, required=True, help="ngram.bin")
    parser.add_argument("--sets", nargs="+", default=list(REAL_DEV))
    parser.add_argument("--half", type=Half, choices=list(Half), default=Half.TUNE)
    parser.add_argument("--limit", type=int, default=0, help="recordings per set; 0: all")
    parser.add_argument("--beam", type=int, nargs="+", default=[4])
    parser.add_argument(
        "--weights",
        type=weights,
        nargs="+",
        required=True,
        metavar="LANGUAGE,INTERNAL,REWARD",
        help="0,0,0 is the search without language models",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the table row by row."""
    bundle = load_bundle(arguments.bundle, "recognizer")
    for line in table(
        arguments.data,
        FirstPass(bundle, arguments.language),
        arguments.sets,
        arguments.weights,
        arguments.beam,
        arguments.half,
        arguments.limit,
    ):
        print(line, flush=True)
