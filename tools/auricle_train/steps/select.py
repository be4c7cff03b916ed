"""Select pseudo-labels, and clips to exclude, by agreement between the teachers."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.distillation.labels import join_labels
from auricle_train.distillation.lists import table, write_lists
from auricle_train.distillation.selection import Criteria


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    default = Criteria()
    parser.add_argument("--labels", type=Path, nargs="+", required=True, metavar="FILE",
                        help="files written by `label`; with several, only clips in all of them "
                        "count")  # fmt: skip
    parser.add_argument("--agreement", type=float, default=default.agreement, metavar="RATE",
                        help="pseudo-label: maximum word error rate between teachers")  # fmt: skip
    parser.add_argument("--confidence", type=float, default=default.confidence, metavar="LOG",
                        help="pseudo-label: minimum mean log probability")  # fmt: skip
    parser.add_argument("--contradiction", type=float, default=default.contradiction,
                        metavar="RATE",
                        help="exclude: minimum word error rate of each teacher against the "
                        "transcript")  # fmt: skip
    parser.add_argument("--union", type=float, default=default.union, metavar="RATE",
                        help="exclude: maximum word error rate between teachers")  # fmt: skip
    parser.add_argument("--prefer", default=default.prefer, metavar="TEACHER",
                        help="folder name of the teacher whose text to use; default: the most "
                        "confident teacher")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder for the lists")


def run(arguments: argparse.Namespace) -> None:
    """Write the lists; print the number of clips per set and decision."""
    criteria = Criteria(
        agreement=arguments.agreement,
        confidence=arguments.confidence,
        contradiction=arguments.contradiction,
        union=arguments.union,
        prefer=arguments.prefer,
    )
    print(table(write_lists(join_labels(arguments.labels), criteria, arguments.out)))
