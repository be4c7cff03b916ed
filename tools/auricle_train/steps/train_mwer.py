"""Train the top with minimum word error rate (MWER) on n-best lists, or resume."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import torch

from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import read_cache, shards_of
from auricle_train.models.top import TopShape
from auricle_train.top.data import examples_of
from auricle_train.top.mwer import Lists, MwerTrainer
from auricle_train.top.plan import MwerPlan, add_plan, plan_of
from auricle_train.training import checkpoint
from auricle_train.training.distributed import joined, threads_for_each


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--start", type=Path, required=True, help="written by `train-top`")
    parser.add_argument("--cache", type=Path, nargs="+", required=True,
                        help="folders written by `cache-encoder`")  # fmt: skip
    parser.add_argument("--lists", type=Path, required=True,
                        help="written by `decode-nbest` with the --start checkpoint")  # fmt: skip
    parser.add_argument("--dev", type=Path, required=True, help="folder of `cache-encoder --dev`")
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--threads", type=int, default=threads_for_each(),
                        help="per process")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    add_plan(parser, MwerPlan)


def run(arguments: argparse.Namespace) -> None:
    """Train for the planned hours of audio, or until SIGINT or SIGTERM."""
    torch.set_num_threads(arguments.threads)
    plan = plan_of(arguments, MwerPlan)
    tokenizer = Tokenizer.load(arguments.vocabulary)
    saved = checkpoint.read(arguments.start)
    shape, digest = TopShape.of(saved["shape"]), saved["digest"]
    dev = examples_of(read_cache(arguments.dev, shape.streams, digest), tokenizer)
    shards = [one for folder in arguments.cache for one in shards_of(folder)]
    with joined() as group:
        trainer = MwerTrainer(
            shape, plan, digest, arguments.out, arguments.start,
            Lists(shards, arguments.lists, tokenizer), group,
        )  # fmt: skip
        ended = trainer.run_on(trainer.batches(), dev, tokenizer)
    if ended == signal.SIGINT:
        sys.exit(130)
