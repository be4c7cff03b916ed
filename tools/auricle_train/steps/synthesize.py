"""Make spoken clips of text with a voice engine, or go on."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from auricle_train.synthesis import ENGINES, load_engine
from auricle_train.synthesis.synthesize import (
    FORMATS,
    Line,
    Order,
    read_lines,
    read_texts,
    synthesize,
    with_names,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    default = Order("", 0)
    parser.add_argument(
        "--text",
        type=Path,
        required=True,
        help="a text a line; of a .tsv, such as text/texts.tsv, the last column; or a table of "
        "make-texts",
    )
    parser.add_argument("--names", type=Path, help="a name a line, put into sentences as well")
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--voices", type=Path, help="folder of voices, for kokoro and piper")
    parser.add_argument("--count", type=int, default=1000, help="clips")
    parser.add_argument("--first", type=int, default=default.first, help="number of the first one")
    parser.add_argument(
        "--dev-share",
        type=float,
        default=default.dev_share,
        help="of the clips, in voices of their own; 0 for an engine of one voice",
    )
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--format", choices=FORMATS, default=default.format)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder; goes on from what is there"
    )


def run(arguments: argparse.Namespace) -> None:
    """Make what is missing; tell how fast."""
    lines = read_lines(arguments.text)
    if arguments.names is not None:
        names = read_texts(arguments.names)
        sentences = with_names(names, np.random.default_rng(arguments.seed))
        lines += [Line(text, text) for text in sentences]
    order = Order(
        arguments.engine, arguments.count, arguments.first, arguments.dev_share, arguments.seed,
        arguments.format,
    )  # fmt: skip
    engine = load_engine(arguments.engine, arguments.voices)
    print(f"{arguments.out}: {synthesize(engine, lines, order, arguments.out)}")
