"""Choose pseudo-labels, and clips to leave out, by whether the teachers agree."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle_train.distillation.labels import join_labels
from auricle_train.distillation.lists import table, write_lists
from auricle_train.distillation.selection import Criteria


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    default = Criteria()
    parser.add_argument("--labels", type=Path, nargs="+", required=True, metavar="FILE",
                        help="what `label` wrote; of several files, clips that all of them hold, "
                        "with the readings of all")  # fmt: skip
    parser.add_argument("--agreement", type=float, default=default.agreement, metavar="RATE",
                        help="most word errors between teachers, for a pseudo-label")  # fmt: skip
    parser.add_argument("--confidence", type=float, default=default.confidence, metavar="LOG",
                        help="least mean log probability, for a pseudo-label")  # fmt: skip
    parser.add_argument("--contradiction", type=float, default=default.contradiction,
                        metavar="RATE",
                        help="word errors of every teacher from which a transcript is doubted, "
                        "where they agree")  # fmt: skip
    parser.add_argument("--union", type=float, default=default.union, metavar="RATE",
                        help="most word errors between teachers to doubt it")  # fmt: skip
    parser.add_argument("--prefer", default=default.prefer, metavar="TEACHER",
                        help="whose text is the pseudo-label (name of its folder); without, the "
                        "surest teacher's")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder of the lists")


def run(arguments: argparse.Namespace) -> None:
    """Write the lists; print what became of the clips of each set."""
    criteria = Criteria(
        agreement=arguments.agreement,
        confidence=arguments.confidence,
        contradiction=arguments.contradiction,
        union=arguments.union,
        prefer=arguments.prefer,
    )
    print(table(write_lists(join_labels(arguments.labels), criteria, arguments.out)))
