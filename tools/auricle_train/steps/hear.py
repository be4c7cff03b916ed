"""Keep what the encoder hears in recordings, for `attend`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from auricle.recognizer.tokenizer import Tokenizer
from auricle_train import augment, checkpoint
from auricle_train.attending.heard import listen
from auricle_train.corpus import BACKGROUND
from auricle_train.rooms import load_rooms
from auricle_train.train import Recordings


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument(
        "--manifest", type=Path, nargs="*", default=[], help="of other corpora: `synthesize`"
    )
    parser.add_argument("--checkpoint", type=Path, required=True, help="of the recogniser")
    parser.add_argument("--vocabulary", type=Path, required=True, help="its tokens.txt")
    parser.add_argument("--rooms", type=int, default=100, help="simulated rooms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder: 64 kB a second of sound")


def run(arguments: argparse.Namespace) -> None:
    """Listen to all clips once."""
    torch.set_num_threads(arguments.threads)
    recordings = Recordings(arguments.data, arguments.manifest)
    clips = recordings.speech()
    sounds = augment.Sounds(
        [clip.samples.astype(np.float32) / 32768 for clip in recordings.others(BACKGROUND)],
        [clip.samples for clip in clips],
        load_rooms(arguments.rooms, arguments.seed, arguments.out) if arguments.rooms else (),
    )
    model = checkpoint.load_model(arguments.checkpoint)
    listen(
        clips, sounds, model, Tokenizer.load(arguments.vocabulary), arguments.out, arguments.seed
    )
