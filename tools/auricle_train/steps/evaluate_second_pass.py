"""Measure the second pass, with a grid of score weights on one decoding."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.recognizer.second_pass import SecondPassOptions
from auricle_train.evaluation.peers import Peer, Whisper
from auricle_train.evaluation.readings import Readings
from auricle_train.evaluation.second_pass import SETS, Options, Row, decode, grid


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    usual = SecondPassOptions()
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--bundle", type=Path, required=True, help="bundle folder")
    parser.add_argument("--sets", nargs="+", default=SETS, metavar="SET")
    parser.add_argument("--limit", type=int, default=60, help="recordings per set; 0: all")
    parser.add_argument("--quiet", action="store_true", help="no added kitchen noise (12 dB)")
    parser.add_argument("--beam", type=int, default=usual.beam)
    parser.add_argument(
        "--ctc-weight", type=float, nargs="+", default=[usual.ctc_weight], metavar="WEIGHT",
        help="weights to try; the first is used for decoding",
    )  # fmt: skip
    parser.add_argument(
        "--contradiction", type=float, nargs="+", default=[usual.contradiction], metavar="NATS",
        help="values to try with each weight; the first is used for decoding",
    )  # fmt: skip
    parser.add_argument(
        "--whisper", nargs="*", default=[], metavar="FOLDER", help="Whisper models to compare with"
    )
    parser.add_argument("--readings", type=Path, metavar="FILE", help="cached Whisper transcripts")


def run(arguments: argparse.Namespace) -> None:
    """Print one line per set, then one per pair of weights."""
    second = SecondPassOptions(
        beam=arguments.beam,
        paths=arguments.beam,
        ctc_weight=arguments.ctc_weight[0],
        contradiction=arguments.contradiction[0],
    )
    options = Options(
        bundle=arguments.bundle,
        sets=arguments.sets,
        limit=arguments.limit,
        noise=not arguments.quiet,
        second=second,
        ctc_weights=arguments.ctc_weight,
        contradictions=arguments.contradiction,
    )
    peers: list[Peer] = [Whisper(model) for model in arguments.whisper]
    rows = []
    for row in decode(arguments.data, options, peers, Readings(arguments.readings)):
        rows.append(row)
        print(_line(row, second), flush=True)
    for tried, scores in grid(rows, options):
        rates = "  ".join(f"{100 * one.rate:5.1f}" for one in scores)
        mean = 100 * sum(one.rate for one in scores) / len(scores)
        print(
            f"ctc weight {tried.ctc_weight:g}, contradiction {tried.contradiction:g}: "
            f"mean {mean:.2f}: {rates}"
        )


def _line(row: Row, second: SecondPassOptions) -> str:
    told = "; ".join(f"{name} {one}" for name, one in row.scores(second).items())
    factor = f"second pass {row.real_time_factor:.3f} of real time"
    return f"{row.name} ({len(row.decoded)} clips): {told}; {factor}"
