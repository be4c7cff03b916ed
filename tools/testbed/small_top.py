"""A small top for tests: tiny networks and a tiny cache of two words, which are tones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from auricle.features import LogMel
from auricle_train.data.encoder_cache import FrozenEncoder, Sound, write_shard
from auricle_train.models.top import Top, TopShape
from auricle_train.training import checkpoint
from testbed.small_training import SHAPE, TOKENIZER, make_objective, tone

TONES = {"lo": 300.0, "hi": 2500.0}  # hertz of each word
TOP_SHAPE = TopShape(
    encoder_width=SHAPE.width, layers=1, width=16, heads=2, hidden=32, kernel=3, chunk=2, left=8,
    vocabulary=len(TOKENIZER), joint=16, embedding=8,
)  # fmt: skip


def make_encoder(*streams: str) -> FrozenEncoder:
    """Return an encoder with random weights."""
    return FrozenEncoder(make_objective().model.eval(), streams or ("encoder",))


def make_top(seed: int = 0, scale: float = 1.0) -> Top:
    """Return a top with random weights; a larger scale gives more peaked posteriors."""
    torch.manual_seed(seed)
    top = Top(TOP_SHAPE, dropout=0.0)
    with torch.no_grad():
        top.output.weight.mul_(scale)
    return top.eval()


def spoken(words: str) -> Sound:
    """Return words as tones with pauses."""
    pause = np.zeros(2400, np.float32)
    parts = [pause]
    for word in words.split():
        parts += [tone(TONES[word], word, 0.3).samples / np.float32(32768), pause]
    return Sound(LogMel().whole(np.concatenate(parts)), words, source="tones")


def write_cache(folder: Path, shards: int = 2, seed: int = 0) -> str:
    """Write a cache of texts of one to three words; return the digest of its encoder."""
    generator = np.random.default_rng(seed)
    encoder = make_encoder()
    for number in range(shards):
        texts = [" ".join(generator.choice(list(TONES), 1 + place % 3)) for place in range(6)]
        write_shard(folder, f"{number:05}", [[spoken(text) for text in texts]], encoder)
    return encoder.digest


def write_top(path: Path, digest: str, top: Top | None = None) -> Top:
    """Write the parts of a `train-top` checkpoint that another run starts from."""
    top = top or make_top()
    checkpoint.write(path, {
        "shape": top.shape.as_dict(), "digest": digest, "average": top.state_dict(),
    })  # fmt: skip
    return top


def write_vocabulary(path: Path) -> Path:
    """Write the vocabulary of the two words."""
    lines = (f"{piece}\t{TOKENIZER.score(piece)}" for piece in TOKENIZER.pieces[1:])
    path.write_text("\n".join([f"{TOKENIZER.pieces[0]}\t0", *lines, ""]), encoding="utf-8")
    return path
