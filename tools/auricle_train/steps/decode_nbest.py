"""Decode n-best lists of cached utterances, for `train-mwer`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import shards_of
from auricle_train.top.nbest import BeamOptions
from auricle_train.top.nbest_lists import ListOptions, write_lists
from auricle_train.top.training import load_top


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--cache", type=Path, nargs="+", required=True,
                        help="folders written by `cache-encoder`")  # fmt: skip
    parser.add_argument("--shards", type=int, nargs=2, metavar=("FIRST", "END"),
                        help="range of shards in each cache; default: all")  # fmt: skip
    parser.add_argument("--checkpoint", type=Path, required=True, help="written by `train-top`")
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--beam", type=int, default=BeamOptions.beam,
                        help="hypotheses per utterance")  # fmt: skip
    parser.add_argument("--symbols", type=int, default=BeamOptions.symbols,
                        help="maximum tokens per search frame")  # fmt: skip
    parser.add_argument("--longest", type=float, default=ListOptions.longest,
                        help="skip utterances with more seconds than this")  # fmt: skip
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True,
                        help="folder for the lists; existing lists are skipped")  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Decode the shards that have no list yet."""
    torch.set_num_threads(arguments.threads)
    top, saved = load_top(arguments.checkpoint)
    chosen = slice(*arguments.shards) if arguments.shards else slice(None)
    shards = [one for folder in arguments.cache for one in shards_of(folder)[chosen]]
    options = ListOptions(BeamOptions(arguments.beam, arguments.symbols), arguments.longest)
    write_lists(
        shards, arguments.out, top, saved["digest"], Tokenizer.load(arguments.vocabulary), options
    )
