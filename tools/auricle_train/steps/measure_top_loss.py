"""Measure the losses of a top on caches, to compare seen and unseen caches."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import read_cache
from auricle_train.models.top import Top
from auricle_train.top.data import Example, batch_of, examples_of
from auricle_train.top.plan import TopPlan
from auricle_train.top.training import LOSSES, TopObjective, load_top
from auricle_train.training.precision import computing

BATCH = 16


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="written by `train-top`")
    parser.add_argument("--cache", type=Path, nargs="+", required=True,
                        help="folders written by `cache-encoder`, train or dev")  # fmt: skip
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--limit", type=int, default=150, help="utterances per folder and set")
    parser.add_argument("--threads", type=int, default=1)


def run(arguments: argparse.Namespace) -> None:
    """Print the losses, one line per folder and set."""
    torch.set_num_threads(arguments.threads)
    top, saved = load_top(arguments.checkpoint)
    tokenizer = Tokenizer.load(arguments.vocabulary)
    for folder in arguments.cache:
        utterances = read_cache(folder, top.shape.streams, saved["digest"])
        sets: dict[str, list[Example]] = {}
        for example in examples_of(utterances, tokenizer):
            sets.setdefault(example.utterance.source, []).append(example)
        for name, examples in sorted(sets.items()):
            order = np.random.default_rng(0).permutation(len(examples))[: arguments.limit]
            found = losses(top, [examples[number] for number in order])
            told = "  ".join(f"{loss} {value:.3f}" for loss, value in found.items())
            count = len(order)
            print(f"{folder.name} {name}: {told} nats per token, {count} utterances", flush=True)


@torch.no_grad()
def losses(top: Top, examples: list[Example]) -> dict[str, float]:
    """Return each loss on utterances without augmentation, in nats per token."""
    objective = TopObjective(top, TopPlan(fast_emit=0.0)).eval()
    ordered = sorted(examples, key=lambda example: example.utterance.search_frames)
    total, tokens = torch.zeros(len(LOSSES)), 0
    for first in range(0, len(ordered), BATCH):
        batch = batch_of(ordered[first : first + BATCH])
        with computing(torch.device("cpu")):
            total += objective(batch, torch.tensor(1.0), False).float()
        tokens += int(batch.tokens.sum())
    return dict(zip(LOSSES, (total / max(tokens, 1)).tolist(), strict=True))
