"""Train both passes, or resume."""

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
    """Add the arguments of the step."""
    parser.add_argument("--data", type=Path, required=True, help="folder of sets: `data/corpus.py`")
    parser.add_argument("--manifest", type=Path, nargs="*", default=(), metavar="FILE",
                        help="other corpora, as the step `manifests` writes them")  # fmt: skip
    parser.add_argument("--exclude", type=Path, help="names of clips to leave out, one a line")
    parser.add_argument("--labels", type=Path, help="texts of clips that have none: id<TAB>text")
    parser.add_argument("--written", type=Path, help="transcripts as the second pass is to write "
                        "them: id<TAB>text, by the step `write`")  # fmt: skip
    parser.add_argument("--store", type=Path, help="folder that keeps decoded samples")
    parser.add_argument("--whisper", type=Path, required=True,
                        help="CTranslate2's model.bin; tiny, base, ... by its sizes")  # fmt: skip
    parser.add_argument("--vocabulary", type=Path, required=True, help="of the first pass")
    parser.add_argument("--pieces", type=Path, required=True, help="of the second pass")
    parser.add_argument("--encoder", choices=("attention", "lstm"), default="attention")
    parser.add_argument("--start", type=Path, help="weights of an earlier run, to go on from")
    parser.add_argument("--threads", type=int, default=threads_for_each(),
                        help="of each process")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint and log")
    parser.add_argument(
        "--branch",
        type=int,
        default=2,
        metavar="LAYERS",
        help="last ones of the encoder that the first pass has of its own",
    )
    parser.add_argument("--plan", choices=PLANS, help="what the options below change; if not "
                        "said, that of the encoder: joint or lstm")  # fmt: skip
    plan = parser.add_argument_group(
        "plan", "see `training/config.py`, also for what each plan has of its own"
    )
    for field in fields(Plan):
        option = "--" + field.name.replace("_", "-")
        plan.add_argument(option, type=type(field.default), help=f"usually {field.default}")


def run(arguments: argparse.Namespace) -> None:
    """Train until the minutes are spent, or a signal asks for the end."""
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
