"""Measure word error rate, latency and speed of a bundle on real recordings."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from auricle.errors import ArgumentError
from auricle.recognizer.partial_text import PartialOptions
from auricle_train.data.corpus import REAL_DEV
from auricle_train.evaluation.manifest import keep_results
from auricle_train.evaluation.run import Options, evaluate

CLIPS_IN_NOISE = 60


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--bundle", default="en-tiny", help="bundle name or absolute path")
    parser.add_argument("--second-pass", choices=("off", "rescore", "full"), default="full")
    parser.add_argument(
        "--sets", nargs="+", choices=REAL_DEV, default=REAL_DEV, help="all by default"
    )
    shown = PartialOptions()
    parser.add_argument(
        "--hold", type=float, default=shown.hold_seconds, metavar="SECONDS",
        help="age of a word's last piece before a partial result shows the word",
    )  # fmt: skip
    parser.add_argument(
        "--stable", type=float, default=shown.stable_seconds, metavar="SECONDS",
        help="time that a word stays unchanged before it counts as stable",
    )  # fmt: skip
    parser.add_argument(
        "--no-glances", action="store_true", help="compute partial results from full chunks only"
    )
    parser.add_argument("--limit", type=int, default=0, help="recordings per set; 0: all")
    parser.add_argument(
        "--noise", type=int, nargs="?", const=CLIPS_IN_NOISE, metavar="CLIPS",
        help=f"also measure this many clips in noise and music ({CLIPS_IN_NOISE}; 0: all)",
    )  # fmt: skip
    parser.add_argument("--peers", action="store_true", help="measure Whisper and PocketSphinx too")
    parser.add_argument(
        "--whisper", nargs="+", default=["tiny.en", "base"], metavar="FOLDER",
        help="Whisper models for --peers: CTranslate2 folders, or Hugging Face names",
    )  # fmt: skip
    parser.add_argument(
        "--readings", type=Path, metavar="FILE",
        help="JSON lines file that caches the transcripts of the peers",
    )  # fmt: skip
    parser.add_argument(
        "--keep", action="store_true",
        help="write the word error rates into the manifest of the bundle, which is then a path",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="write the report to FILE.md or FILE.json")


def run(arguments: argparse.Namespace) -> None:
    """Print the report, and write it to --out."""
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
        command=_command(arguments, sys.argv[1:]),
    )
    report = evaluate(arguments.data, options)
    print(report.markdown(), end="")
    if arguments.keep:
        keep_results(Path(arguments.bundle), arguments.second_pass, report)
    if arguments.out:
        is_json = arguments.out.suffix == ".json"
        arguments.out.write_text(report.json() if is_json else report.markdown(), "utf-8")


def _command(arguments: argparse.Namespace, words: Sequence[str]) -> str:
    """Return the command for reports: paths of this machine become DATA and BUNDLE."""
    names = {str(arguments.data): "DATA", str(arguments.out): "FILE"}
    if Path(arguments.bundle).is_absolute():
        names[arguments.bundle] = "BUNDLE"
    return shlex.join(["python", "-m", "auricle_train", *(names.get(word, word) for word in words)])
