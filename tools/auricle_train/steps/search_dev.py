"""Tune the search weights of the first pass on cached dev frames."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from auricle.errors import ArgumentError
from auricle.recognizer.beam_search import BeamSearch, SearchOptions
from auricle.recognizer.language_model import LanguageModel
from auricle.recognizer.word_model import WordModel
from auricle.tokenizer import Tokenizer
from auricle_train.evaluation.lm_weights import Half
from auricle_train.evaluation.search_dev import choose, hear, measure
from auricle_train.steps.tune_lm import weights
from auricle_train.top.data import SEARCH_SECONDS


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--checkpoint", type=Path, required=True, help="written by `train-top`")
    parser.add_argument("--cache", type=Path, required=True, help="of `cache-encoder --dev`")
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--words", type=Path, help="words.bin written by `train-word-lm`")
    parser.add_argument("--language", type=Path, help="ngram.bin written by `train-token-lm`")
    parser.add_argument("--half", type=Half, choices=list(Half), default=Half.TUNE)
    parser.add_argument("--limit", type=int, default=0, help="recordings per set; 0: all")
    parser.add_argument("--beam", type=int, nargs="+", default=[8])
    parser.add_argument("--skip-blank", type=float, default=SearchOptions().skip_blank)
    parser.add_argument("--max-symbols", type=int, default=SearchOptions().max_symbols)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--weights", type=weights, nargs="+", required=True, metavar="NAME=VALUE,...",
        help="fields of `shallow_fusion.Weights`; `ctc=0` is the transducer alone",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Print the results for each beam and each set of weights."""
    torch.set_num_threads(arguments.threads)
    pieces = Tokenizer.load(arguments.vocabulary).pieces
    words = WordModel.load(arguments.words, pieces) if arguments.words else None
    language = LanguageModel.load(arguments.language, pieces) if arguments.language else None
    clips, scorer = hear(arguments.checkpoint, arguments.cache)
    clips = choose(clips, arguments.half, arguments.limit)
    if not clips:
        raise ArgumentError(f"{arguments.cache}: no clip with a text: run `cache-encoder --dev`")
    options = SearchOptions(
        frame_seconds=SEARCH_SECONDS,
        skip_blank=arguments.skip_blank,
        max_symbols=arguments.max_symbols,
    )
    for beam in arguments.beam:
        for choice in arguments.weights:
            search = BeamSearch(
                scorer, pieces, replace(options, beam=beam, weights=choice), language, words
            )
            print(f"beam {beam}: {choice}", flush=True)
            print(*measure(search, clips).lines(), sep="\n", flush=True)
