"""Train attention from sound to names beside a recogniser that stays as it is."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from wordfreq import top_n_list

from auricle.recognizer.biasing.attending import LETTERS
from auricle_train.attending import training
from auricle_train.attending.drawing import Drawing
from auricle_train.attending.heard import read
from auricle_train.attending.network import Attending

COMMON = 1000  # words that are hardly ever names


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    plan = training.AttendingPlan()
    parser.add_argument("--heard", type=Path, nargs="+", required=True, help="folders of `hear`")
    parser.add_argument("--names", type=Path, required=True, help="names that nobody says, a line")
    parser.add_argument("--minutes", type=float, default=plan.minutes)
    parser.add_argument("--rate", type=float, default=plan.rate)
    parser.add_argument("--seconds", type=float, default=120.0, help="of sound in a batch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder; goes on from there")


def run(arguments: argparse.Namespace) -> None:
    """Train, then tell how many names are found among 5,000."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    clips = [clip for folder in arguments.heard for clip in read(folder)]
    names = arguments.names.read_text(encoding="utf-8").splitlines()
    pool = [name for name in names if name and set(name) <= set(LETTERS)]
    plan = training.AttendingPlan(minutes=arguments.minutes, rate=arguments.rate)
    going = training.Run(Attending(), plan, arguments.out / "checkpoint.pt")
    seed = arguments.seed + going.step  # a resumed run must not draw the same again
    going.train(
        Drawing(clips, pool, common_words(), arguments.seconds, seed), arguments.out / "log.jsonl"
    )


def common_words() -> frozenset[str]:
    """Return words that are said too often to be names."""
    return frozenset(top_n_list("en", COMMON))
