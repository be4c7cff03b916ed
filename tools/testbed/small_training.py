"""A small training for tests: two words, which are tones, tiny networks and a tiny Whisper."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from auricle.tokenizer import Tokenizer
from auricle_train.data.batches import Batches
from auricle_train.data.corpus import Clip
from auricle_train.losses.objective import Objective, Teachers
from auricle_train.models.dimensions import Shape
from auricle_train.models.transducer import Encoder, Transducer
from auricle_train.training.config import Plan

TOKENIZER = Tokenizer(["<blank>", "▁lo", "▁hi", "▁", "l", "o", "h", "i"], [0.0] + [-1.0] * 7)
PIECES = Tokenizer(["<end>", "▁L", "▁l", "▁H", "▁h", "o", "i", "."], [0.0] + [-1.0] * 7)
SHAPE = Shape(
    vocabulary=len(TOKENIZER), layers=1, width=32, heads=2, hidden=64, positions=200, chunk=8,
    left=16, joint=32, embedding=16, decoder_layers=1, pieces=len(PIECES), cells=24, ahead=2,
)  # fmt: skip
PLAN = Plan(minutes=60, warm_steps=2, batch_seconds=8, save_seconds=1e9, head_rate=1e-2)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TOKENS = [*LETTERS, *(f"Ġ{letter}" for letter in LETTERS), "<|endoftext|>",
          "<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]  # fmt: skip


def tone(hertz: float, text: str, seconds: float = 0.5) -> Clip:
    """Return a word as a tone."""
    time = np.arange(int(seconds * 16000)) / 16000
    samples = (6000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)
    return Clip(text, samples, text, "")


def make_batches(
    seed: int | Sequence[int] = 3,
    taught: float = 0.5,
    clips: Sequence[Clip] | None = None,
    seconds: float = PLAN.batch_seconds,
) -> Batches:
    """Return batches of "lo" and "hi", or of other clips."""
    noise = np.random.default_rng(0).integers(-500, 500, 16000).astype(np.int16)
    return Batches(
        clips or [tone(300, "lo"), tone(2500, "hi")], [tone(900, "wake")],
        [Clip("noise", noise, "", "")], (TOKENIZER, PIECES), seconds, seed, taught,
    )  # fmt: skip


def make_objective(plan: Plan = PLAN, shape: Shape = SHAPE) -> Objective:
    """Return networks with random weights; the teacher copies the encoder of the student."""
    torch.manual_seed(0)
    model = Transducer(shape)
    teacher = Encoder(shape)
    if isinstance(model.encoder, Encoder):
        teacher.load_state_dict(model.encoder.state_dict())
    return Objective(plan, model, Teachers(teacher))


def write_ctranslate2(
    path: Path, specification: str, variables: dict[str, NDArray[np.generic]]
) -> None:
    """Write a file in the CTranslate2 format, according to its documentation."""

    def name(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    kinds = {"float32": 0, "int16": 2, "float16": 4}
    with path.open("wb") as out:
        out.write(struct.pack("<I", 6) + name(specification))
        out.write(struct.pack("<II", 3, len(variables)))
        for key, value in variables.items():
            out.write(name(key) + struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape))
            out.write(struct.pack("<BI", kinds[str(value.dtype)], value.nbytes) + value.tobytes())


def write_whisper(folder: Path, shape: Shape = SHAPE) -> Path:
    """Write a multilingual Whisper with random weights and vocabulary; return `model.bin`."""
    width, hidden = shape.width, shape.hidden
    sizes = {
        "conv1/weight": (width, 80, 3), "conv1/bias": (width,),
        "conv2/weight": (width, width, 3), "conv2/bias": (width,),
        "position_encodings/encodings": (shape.positions, width),
    }  # fmt: skip
    encoder = sizes | _layers(shape.layers, {"self_attention": (3, 1)}, width, hidden)
    attention = {"self_attention": (3, 1), "attention": (1, 2, 1)}
    decoder = {
        "embeddings/weight": (len(TOKENS), width), "position_encodings/encodings": (448, width),
    } | _layers(shape.decoder_layers, attention, width, hidden)  # fmt: skip
    generator = np.random.default_rng(0)
    variables: dict[str, NDArray[np.generic]] = {}
    for part, shapes in (("encoder", encoder), ("decoder", decoder)):
        variables[f"{part}/num_heads"] = np.array(shape.heads, np.int16)
        for name, size in shapes.items():
            value = generator.normal(0.0, 0.2, size) + name.endswith("gamma")
            variables[f"{part}/{name}"] = value.astype(np.float16)
    write_ctranslate2(folder / "model.bin", "WhisperSpec", variables)
    (folder / "vocabulary.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    return folder / "model.bin"


def _layers(
    count: int, attention: dict[str, tuple[int, ...]], width: int, hidden: int
) -> dict[str, tuple[int, ...]]:
    sizes: dict[str, tuple[int, ...]] = {"layer_norm/gamma": (width,), "layer_norm/beta": (width,)}
    linears = {
        f"{part}/linear_{number}": (times * width, width)
        for part, parts in attention.items()
        for number, times in enumerate(parts)
    }
    linears |= {"ffn/linear_0": (hidden, width), "ffn/linear_1": (width, hidden)}
    for layer in range(count):
        for part in (*attention, "ffn"):
            sizes[f"layer_{layer}/{part}/layer_norm/gamma"] = (width,)
            sizes[f"layer_{layer}/{part}/layer_norm/beta"] = (width,)
        for name, size in linears.items():
            sizes[f"layer_{layer}/{name}/weight"] = size
            sizes[f"layer_{layer}/{name}/bias"] = size[:1]
    return sizes
