"""Compare top checkpoints on cached dev clips: word errors and lost first or last words."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from auricle.errors import StorageError
from auricle.tokenizer import Tokenizer
from auricle_train.data.encoder_cache import read_cache
from auricle_train.top.ablation import compared, measured, recognised, table
from auricle_train.top.data import examples_of
from auricle_train.top.nbest import BeamOptions
from auricle_train.top.training import load_top


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True,
                        help="written by `train-top` or `train-mwer`; the first is the "
                        "baseline")  # fmt: skip
    parser.add_argument("--dev", type=Path, required=True, help="folder of `cache-encoder --dev`")
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--beam", type=int, default=BeamOptions.beam)
    parser.add_argument("--symbols", type=int, default=BeamOptions.symbols,
                        help="maximum tokens per search frame")  # fmt: skip
    parser.add_argument("--ctc-share", type=float, default=0.3,
                        help="CTC weight when rescoring the n-best list")  # fmt: skip
    parser.add_argument("--limit", type=int, help="clips per set, evenly spaced")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file for all results")


def run(arguments: argparse.Namespace) -> None:
    """Print a table per checkpoint and its difference from the baseline; write JSON."""
    torch.set_num_threads(arguments.threads)
    tokenizer = Tokenizer.load(arguments.vocabulary)
    options = BeamOptions(arguments.beam, arguments.symbols)
    texts, results = [], []
    for path in arguments.checkpoint:
        top, saved = load_top(path)
        examples = examples_of(read_cache(arguments.dev, top.shape.streams, saved["digest"]),
                               tokenizer)  # fmt: skip
        texts.append(recognised(top, examples, tokenizer, options, arguments.ctc_share,
                                arguments.limit))  # fmt: skip
        results.append({"checkpoint": str(path), "step": saved.get("step"),
                        "heard_hours": round(saved.get("heard", 0.0) / 3600, 3),
                        "sets": measured(texts[-1])})  # fmt: skip
        print(f"{path}\n{table(results[-1]['sets'])}", flush=True)
    differences = []
    for path, after in zip(arguments.checkpoint[1:], texts[1:], strict=True):
        differences.append({"checkpoint": str(path), "against": str(arguments.checkpoint[0]),
                            "sets": compared(texts[0], after)})  # fmt: skip
        print(f"{path} against {arguments.checkpoint[0]}\n{table(differences[-1]['sets'])}",
              flush=True)  # fmt: skip
    if arguments.out:
        about = {"dev": str(arguments.dev), **options.as_dict(), "limit": arguments.limit,
                 "ctc_share": arguments.ctc_share}  # fmt: skip
        found = about | {"tops": results, "differences": differences}
        try:
            arguments.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"{arguments.out}: not written: {error}: name another") from error
