"""Measure how partial results continue after a pause within a command."""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.config.schema import Config, RecognizerSettings
from auricle.errors import ArgumentError
from auricle.service.assembly import budget_of, load_models, make_pipeline
from auricle_train.data.corpus import read_set
from auricle_train.evaluation.pauses import continuations
from auricle_train.evaluation.run import choose
from auricle_train.text.word_errors import share


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--bundle", default="en-tiny", help="bundle name or absolute path")
    parser.add_argument("--set", default="kathleen", help="set whose clips are joined in pairs")
    parser.add_argument("--pairs", type=int, default=12, help="pairs of clips with 2 to 12 words")
    parser.add_argument("--pause", type=float, default=0.3, metavar="SECONDS", help="its length")


def run(arguments: argparse.Namespace) -> None:
    """Print each continuation that changes a shown partial result, and the counts."""
    config = Config(recognizer=RecognizerSettings(bundle=arguments.bundle))
    models = load_models(config, budget_of(config), wake=False)
    clips = [
        clip
        for clip in read_set(arguments.data, arguments.set, "dev")
        if 2 <= len(clip.text.split()) <= 12
    ]
    if len(clips) < 2 * arguments.pairs:
        raise ArgumentError(f"--pairs {arguments.pairs}: {arguments.set} has {len(clips)} clips")
    chosen = choose(clips, 2 * arguments.pairs)
    found = []
    for pair in zip(chosen[::2], chosen[1::2], strict=True):
        pipeline = make_pipeline(config, models, clock=lambda: 0.0)
        for one in continuations(pipeline, pair, arguments.pause):
            found.append(one)
            if one.changed:
                print(" ".join(one.withdrawn), "->", " ".join(one.partial), flush=True)
    changed, shorter = share(one.changed for one in found), share(one.shorter for one in found)
    print(f"withdrawn results followed by a partial result: {len(found)}")
    print(f"of these, the partial result differs: {changed.count} = {changed}")
    print(f"of these, the partial result is shorter: {shorter.count} = {shorter}")
