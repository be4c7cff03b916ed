"""Measure word errors, latency and speed on real recordings, beside other recognisers."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from auricle.errors import ArgumentError
from auricle.recognizer.partial_text import PartialOptions
from auricle_train.data.corpus import REAL_DEV
from auricle_train.evaluation.manifest import keep_results
from auricle_train.evaluation.run import Options, evaluate

CLIPS_IN_NOISE = 60


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--data", type=Path, required=True, help="folder of sets: `data/corpus.py`")
    parser.add_argument("--bundle", default="en-tiny", help="name or absolute path")
    parser.add_argument("--second-pass", choices=("off", "rescore", "full"), default="full")
    parser.add_argument("--sets", nargs="+", choices=REAL_DEV, default=REAL_DEV, help="all of them")
    shown = PartialOptions()
    parser.add_argument(
        "--hold", type=float, default=shown.hold_seconds, metavar="SECONDS",
        help="how old the last piece of a word is when a partial result shows it",
    )  # fmt: skip
    parser.add_argument(
        "--stable", type=float, default=shown.stable_seconds, metavar="SECONDS",
        help="how long a word was the best when it is settled",
    )  # fmt: skip
    parser.add_argument(
        "--no-glances", action="store_true", help="partial results from whole chunks only"
    )
    parser.add_argument("--limit", type=int, default=0, help="recordings of each set; 0: all")
    parser.add_argument(
        "--noise", type=int, nargs="?", const=CLIPS_IN_NOISE, metavar="CLIPS",
        help=f"also in noise and music, on so many sentences ({CLIPS_IN_NOISE}; 0: all)",
    )  # fmt: skip
    parser.add_argument("--peers", action="store_true", help="also Whisper and PocketSphinx")
    parser.add_argument(
        "--whisper", nargs="+", default=["tiny.en", "base"], metavar="FOLDER",
        help="Whisper's models in CTranslate2's format; a name is fetched from Hugging Face",
    )  # fmt: skip
    parser.add_argument(
        "--readings", type=Path, metavar="FILE",
        help="JSON lines: what the peers read is taken from here, and added where it is missing",
    )  # fmt: skip
    parser.add_argument(
        "--keep", action="store_true",
        help="write the word error rates into the manifest of the bundle, which is then a path",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="write the report to FILE.md or FILE.json")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print the tables, and write them."""
    if arguments.out and arguments.out.suffix not in {".md", ".json"}:
        raise ArgumentError(f"--out {arguments.out}: name a file that ends in .md or .json")
    if arguments.keep and not Path(arguments.bundle).is_absolute():
        raise ArgumentError(f"--bundle {arguments.bundle}: --keep needs an absolute path")
    options = Options(
        bundle=arguments.bundle,
        second_pass=arguments.second_pass,
        limit=arguments.limit,
        sets=arguments.sets,
        partials=PartialOptions(
            hold_seconds=arguments.hold,
            stable_seconds=arguments.stable,
            glance_seconds=None if arguments.no_glances else PartialOptions().glance_seconds,
        ),
        noise=arguments.noise,
        peers=arguments.whisper if arguments.peers else None,
        readings=arguments.readings,
        command=shlex.join(["python", "-m", "auricle_train", *sys.argv[1:]]),
    )
    report = evaluate(arguments.data, options)
    print(report.markdown(), end="")
    if arguments.keep:
        keep_results(Path(arguments.bundle), arguments.second_pass, report)
    if arguments.out:
        is_json = arguments.out.suffix == ".json"
        arguments.out.write_text(report.json() if is_json else report.markdown(), "utf-8")
