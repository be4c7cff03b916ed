"""Train the encoder, the heads and the second pass, or resume."""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import fields, replace
from pathlib import Path

from auricle_train.training.config import PLANS, Plan
from auricle_train.training.distributed import threads_for_each
from auricle_train.training.run import Origin, Recordings, train


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--manifest", type=Path, nargs="*", default=(), metavar="FILE",
                        help="manifests written by `manifests` or `synthesize`")  # fmt: skip
    parser.add_argument("--exclude", type=Path, help="names of clips to skip, one per line")
    parser.add_argument("--labels", type=Path, help="texts for clips without one: id<TAB>text")
    parser.add_argument("--written", type=Path, help="targets of the second pass: id<TAB>text, "
                        "written by `restyle-transcripts`")  # fmt: skip
    parser.add_argument("--store", type=Path, help="folder that caches decoded samples")
    parser.add_argument("--whisper", type=Path, required=True,
                        help="Whisper as CTranslate2 model.bin; sets the sizes of the "
                        "networks")  # fmt: skip
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--pieces", type=Path, required=True, help="pieces.txt")
    parser.add_argument("--encoder", choices=("attention", "lstm"), default="attention")
    parser.add_argument("--start", type=Path, help="checkpoint of an earlier run to start from")
    parser.add_argument("--threads", type=int, default=threads_for_each(),
                        help="per process")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    parser.add_argument(
        "--branch",
        type=int,
        default=2,
        metavar="LAYERS",
        help="number of last encoder layers that the first pass does not share",
    )
    parser.add_argument("--plan", choices=PLANS, help="defaults of the options below; default: "
                        "lstm with --encoder lstm, else joint")  # fmt: skip
    plan = parser.add_argument_group(
        "plan", "`training/config.py` explains them; the defaults shown are those of plan joint"
    )
    for field in fields(Plan):
        option = "--" + field.name.replace("_", "-")
        plan.add_argument(option, type=type(field.default), help=f"default: {field.default}")


def run(arguments: argparse.Namespace) -> None:
    """Train for the planned minutes, or until SIGINT or SIGTERM."""
    given, usual = vars(arguments), "lstm" if arguments.encoder == "lstm" else "joint"
    changes = {item.name: given[item.name] for item in fields(Plan) if given[item.name] is not None}
    plan = replace(PLANS[arguments.plan or usual], **changes)
    ended = train(
        Recordings(arguments.data, arguments.manifest, arguments.labels, arguments.written,
                   arguments.exclude, arguments.store),
        Origin(arguments.whisper, arguments.vocabulary, arguments.pieces, arguments.encoder,
               arguments.branch, arguments.start),
        plan, arguments.out, arguments.threads,
    )  # fmt: skip
    if ended == signal.SIGINT:
        sys.exit(130)
