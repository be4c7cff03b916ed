"""Train attention from audio to context names on cached encoder frames, or resume."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from wordfreq import top_n_list

from auricle.biasing.context_attention import LETTERS
from auricle.tokenizer import Tokenizer
from auricle_train.context_attention import training
from auricle_train.context_attention.model import Attending, AttendingShape
from auricle_train.context_attention.sampling import Drawing
from auricle_train.context_attention.word_alignment import AlignedUtterance, align_words
from auricle_train.data.encoder_cache import STREAMS, read_cache
from auricle_train.top.data import SEARCH_SECONDS
from auricle_train.top.training import load_top

COMMON = 1000  # the most frequent words are never used as names


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    plan = training.AttendingPlan()
    parser.add_argument("--cache", type=Path, nargs="+", required=True,
                        help="folders written by `cache-encoder`")  # fmt: skip
    parser.add_argument("--top", type=Path, required=True,
                        help="`train-top` checkpoint, used to align transcripts")  # fmt: skip
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--names", type=Path, required=True,
                        help="distractor names, written by `list-names`")  # fmt: skip
    parser.add_argument("--streams", nargs="+", choices=STREAMS, default=["encoder"],
                        help="cached streams to read; only `encoder` can be exported")  # fmt: skip
    parser.add_argument("--start", type=Path, help="checkpoint; starts from its weights that fit")
    parser.add_argument("--minutes", type=float, default=plan.minutes)
    parser.add_argument("--rate", type=float, default=plan.rate)
    parser.add_argument("--only-listener", type=float, default=plan.only_listener,
                        help="first share of the time in which the context encoder is frozen; "
                        "faster with --start")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=120.0, help="audio per batch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True,
                        help="folder for checkpoint.pt, from which it resumes, and weights.pt, "
                        "the result in float16")  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Align the words, train, and write the weights."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    streams = tuple(arguments.streams)
    utterances = aligned(arguments.cache, arguments.top, arguments.vocabulary, streams)
    names = arguments.names.read_text(encoding="utf-8").splitlines()
    pool = [name for name in names if name and set(name) <= set(LETTERS)]
    model = Attending(AttendingShape(streams=streams))
    if arguments.start is not None:
        print("new weights:", *training.take_fitting(model, arguments.start), flush=True)
    plan = training.AttendingPlan(
        minutes=arguments.minutes, rate=arguments.rate, only_listener=arguments.only_listener
    )
    training_run = training.Run(model, plan, arguments.out / "checkpoint.pt")
    seed = arguments.seed + training_run.step  # a resumed run must see new samples
    training_run.train(
        Drawing(utterances, pool, common_words(), arguments.seconds, seed),
        arguments.out / "log.jsonl",
    )
    training_run.save_weights(arguments.out / "weights.pt")


def aligned(
    folders: list[Path], top: Path, vocabulary: Path, streams: tuple[str, ...]
) -> list[AlignedUtterance]:
    """Return the cached utterances with the end time of each word.

    Raises:
        ModelError: top and cache have different encoders, or a file is damaged.
    """
    aligner, saved = load_top(top)
    asked = aligner.shape.streams + streams
    cached = [one for folder in folders for one in read_cache(folder, asked, saved["digest"])]
    found = align_words(cached, aligner, Tokenizer.load(vocabulary))
    hours = sum(one.frames for one in found) * SEARCH_SECONDS / 3600
    print(f"{len(found)} of {len(cached)} utterances are aligned, {hours:.1f} h", flush=True)
    return [one.reading(slice(-len(streams), None)) for one in found]


def common_words() -> frozenset[str]:
    """Return words that are too frequent to be names."""
    return frozenset(top_n_list("en", COMMON))
