"""Synthesise speech clips from texts with a voice engine, or resume."""

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
    """Add the arguments of this step."""
    default = Order("", 0)
    parser.add_argument(
        "--text",
        type=Path,
        required=True,
        help="one text per line; the last column of a .tsv file; or a table written by "
        "`make-texts`",
    )
    parser.add_argument("--names", type=Path, help="one name per line; adds sentences with them")
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--voices", type=Path, help="voice folder, for kokoro and piper")
    parser.add_argument("--count", type=int, default=1000, help="number of clips")
    parser.add_argument("--first", type=int, default=default.first, help="number of the first clip")
    parser.add_argument(
        "--dev-share",
        type=float,
        default=default.dev_share,
        help="share of dev clips, with voices of their own; 0 for an engine with one voice",
    )
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--format", choices=FORMATS, default=default.format)
    parser.add_argument("--out", type=Path, required=True, help="folder; resumes if it holds clips")


def run(arguments: argparse.Namespace) -> None:
    """Synthesise the missing clips; print the speed."""
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
