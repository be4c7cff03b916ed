"""Train the reranker's language model and write its bundle, or resume."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from auricle_train.reranker.bundle import write_bundle
from auricle_train.reranker.text import read
from auricle_train.reranker.training import Plan, Run, draw, encode, losses
from auricle_train.tokens.sentencepiece_vocabulary import learn
from reranker.network import Shape
from reranker.vocabulary import Vocabulary


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument(
        "--text", type=Path, nargs="*", default=[], help="more texts, one sentence per line"
    )
    parser.add_argument("--run", type=Path, required=True, dest="folder", help="checkpoint, log")
    parser.add_argument("--minutes", type=float, default=Plan.minutes, help="for the whole run")
    parser.add_argument("--pieces", type=int, default=4000, help="vocabulary size")
    parser.add_argument("--width", type=int, default=Shape.width)
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="bundle folder; without it, only train")
    parser.add_argument("--name", default="reranker-en")
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--results", type=Path, help="YAML file of results, for the manifest")
    parser.add_argument("--weights", type=Path, help="YAML file with `language` and `reward`")
    parser.add_argument(
        "--source", nargs="*", default=[], help="contents and licences of --text, for the manifest"
    )


def run(arguments: argparse.Namespace) -> None:
    """Train for the remaining time, print the losses, and write the bundle."""
    torch.set_num_threads(arguments.threads)
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    sources = read(arguments.data, arguments.text)
    pieces = folder / "pieces.txt"
    if not pieces.exists():
        learn([" ".join(words) for name, source in sources.items() for words in source.learned
               if name != "hidden"], arguments.pieces, pieces)  # fmt: skip
    vocabulary = Vocabulary.load(pieces)
    shape = Shape(
        len(vocabulary), arguments.width, arguments.layers, arguments.width // 64,
        4 * arguments.width,
    )  # fmt: skip
    plan = Plan(minutes=arguments.minutes)
    training = Run(shape, plan, folder / "last.pt")
    batches = draw(sources, encode(sources, vocabulary), plan, plan.seed + training.step)
    training.train(batches, folder / "log.jsonl")
    found = losses(training.model, sources, vocabulary, plan)
    for name, source in sources.items():
        told = f"{found[name]:.3f} nats per word" if name in found else ""
        print(f"{name:12} {len(source.learned):6} sentences  share {source.share:.2f}  {told}")
    if arguments.out:
        write_bundle(
            folder,
            arguments.out,
            arguments.name,
            arguments.version,
            found,
            arguments.results,
            arguments.weights,
            arguments.source,
        )
