"""Train the top (the first-pass layers above the frozen encoder), or resume."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import torch

from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import digest_of, read_cache
from auricle_train.models.top import TopShape
from auricle_train.top.data import examples_of
from auricle_train.top.plan import TopPlan, add_plan, plan_of
from auricle_train.top.training import TopTrainer
from auricle_train.training.distributed import joined, threads_for_each


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--cache", type=Path, nargs="+", required=True,
                        help="folders written by `cache-encoder`")  # fmt: skip
    parser.add_argument("--dev", type=Path, required=True, help="of `cache-encoder --dev`")
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--streams", nargs="+", default=["encoder"],
                        help="cached streams to read")  # fmt: skip
    parser.add_argument("--layers", type=int, default=TopShape.layers)
    parser.add_argument("--chunk", type=int, default=TopShape.chunk, help="in 80 ms search frames")
    parser.add_argument("--start", type=Path, help="checkpoint to start from")
    parser.add_argument("--threads", type=int, default=threads_for_each(),
                        help="per process")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and log")
    add_plan(parser, TopPlan)


def run(arguments: argparse.Namespace) -> None:
    """Train for the planned hours of audio, or until SIGINT or SIGTERM."""
    torch.set_num_threads(arguments.threads)
    plan = plan_of(arguments, TopPlan)
    tokenizer = Tokenizer.load(arguments.vocabulary)
    digest, streams = digest_of(arguments.cache[0]), tuple(arguments.streams)
    utterances = [one for folder in arguments.cache for one in read_cache(folder, streams, digest)]
    train = examples_of(utterances, tokenizer)
    dev = examples_of(read_cache(arguments.dev, streams, digest), tokenizer)
    column = utterances[0].columns[0]
    shape = TopShape(
        streams=streams, layers=arguments.layers, chunk=arguments.chunk,
        vocabulary=len(tokenizer), encoder_width=column.stop - column.start,
    )  # fmt: skip
    with joined() as group:
        if group.leads:
            hours = sum(item.seconds for item in train) / 3600
            print(f"{len(train)} utterances, {hours:.1f} h; skipped {len(utterances) - len(train)} "
                  "whose text is too long for the audio", flush=True)  # fmt: skip
        trainer = TopTrainer(shape, plan, digest, arguments.out, group, arguments.start)
        ended = trainer.run(train, dev, tokenizer)
    if ended == signal.SIGINT:
        sys.exit(130)
