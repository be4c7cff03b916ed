"""A few steps of training on made-up speech: the loss falls, and an interrupted run goes on."""

from __future__ import annotations

import copy
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.audio.file import read_recording
from auricle.features import HOP
from auricle.recognizer.tokenizer import Tokenizer
from auricle_train.batches import FRAME, Batches
from auricle_train.corpus import Clip
from auricle_train.network import Shape, Transducer, contexts_of
from auricle_train.reference import encode, load_model
from auricle_train.train import Plan, Trainer, after_wake_word
from auricle_train.whisper import read_part

TOKENIZER = Tokenizer(["<blank>", "▁lo", "▁hi", "▁", "l", "o", "h", "i"], [0.0] + [-1.0] * 7)
SHAPE = Shape(
    vocabulary=len(TOKENIZER), layers=1, width=32, heads=2, hidden=64, positions=200, chunk=8,
    left=16, joint=32, embedding=16,
)  # fmt: skip
PLAN = Plan(minutes=60, warm_steps=2, batch_seconds=8, save_seconds=1e9, head_rate=1e-2)


def tone(hertz: float, text: str) -> Clip:
    time = np.arange(8000) / 16000
    samples = (6000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)
    return Clip(text, samples, text, "")


@pytest.fixture
def batches() -> Batches:
    clips = [tone(300, "lo"), tone(2500, "hi")]
    noise = np.random.default_rng(0).integers(-500, 500, 16000).astype(np.int16)
    background = [Clip("noise", noise, "", "")]
    return Batches(clips, [tone(900, "wake")], background, TOKENIZER, PLAN.batch_seconds, seed=3)


def trainer(checkpoint: Path, plan: Plan = PLAN) -> Trainer:
    torch.manual_seed(0)
    model = Transducer(SHAPE)
    return Trainer(plan, model, copy.deepcopy(model.encoder).eval(), checkpoint)


def test_batches_of_one_seed_are_the_same_and_hold_what_they_say(batches: Batches) -> None:
    first = next(iter(batches))
    assert first.features.shape == first.clean.shape
    assert first.features.shape[1] == FRAME * int(first.frames.max())
    assert (first.skipped < first.frames).all()
    texts = {TOKENIZER.decode(row[:count].tolist())
             for row, count in zip(first.targets, first.tokens, strict=True)}  # fmt: skip
    assert {word for text in texts for word in text.split()} <= {"lo", "hi"}
    assert first.seconds <= first.features.shape[0] * first.features.shape[1] * HOP / 16000


def test_frames_of_the_wake_word_are_left_out_of_the_loss(batches: Batches) -> None:
    batch = next(iter(batches))
    frames = torch.arange(int(batch.frames.max())).float()[None, :, None]
    kept, counts = after_wake_word(frames.expand(len(batch.frames), -1, 1), batch)
    assert kept[:, 0, 0].tolist() == batch.skipped.tolist()
    assert (counts == batch.frames - batch.skipped).all()


def test_the_loss_falls_and_an_interrupted_run_goes_on(tmp_path: Path, batches: Batches) -> None:
    torch.set_num_threads(1)
    checkpoint, log = tmp_path / "checkpoint.pt", tmp_path / "log.jsonl"
    trainer(checkpoint, replace(PLAN, minutes=0.25)).run(batches, log)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    losses = [row["transducer"] for row in rows if "transducer" in row]
    assert len(losses) > 10
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    again = trainer(checkpoint)
    assert again.step == len(rows)
    assert again.heard > 0
    torch.testing.assert_close(
        again.model.state_dict(), load_model(checkpoint).state_dict(), rtol=0, atol=0
    )


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint).save()
    model = Transducer(replace(SHAPE, joint=48))
    with pytest.raises(ValueError, match="name another checkpoint"):
        Trainer(PLAN, model, model.encoder, checkpoint)


def test_the_weights_of_the_shipped_model_are_there_to_go_on_from() -> None:
    """They are those that the reference of the daemon's tests was computed with."""
    root = Path(__file__).parents[2]
    model = load_model(root / "tools" / "auricle_train" / "checkpoints" / "en-tiny-0.1.0.pt")
    reference = np.load(root / "tests" / "recognizer" / "reference.npz")
    recording = root / "tests" / "recordings" / f"{reference['recording']}.opus"
    frames, expected = encode(model, read_recording(recording)), reference["frames"]
    assert np.mean((frames - expected) ** 2) / np.var(expected.astype(np.float32)) < 1e-4


def test_contexts_are_the_two_tokens_before_each_place() -> None:
    contexts = contexts_of(torch.tensor([[5, 6, 7]]))
    assert contexts.tolist() == [[[0, 0], [0, 5], [5, 6], [6, 7]]]


def write_ctranslate2(path: Path, specification: str, variables: dict[str, np.ndarray]) -> None:
    """Write the CTranslate2 format, as its documentation gives it."""

    def name(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    kinds = {"float32": 0, "float16": 4}
    with path.open("wb") as out:
        out.write(struct.pack("<I", 6) + name(specification))
        out.write(struct.pack("<II", 3, len(variables)))
        for key, value in variables.items():
            out.write(name(key) + struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape))
            out.write(struct.pack("<BI", kinds[str(value.dtype)], value.nbytes) + value.tobytes())


def test_whisper_weights_are_read_from_ctranslate2(tmp_path: Path) -> None:
    weights = np.arange(6, dtype=np.float16).reshape(2, 3)
    path = tmp_path / "model.bin"
    write_ctranslate2(path, "WhisperSpec", {
        "encoder/conv1/weight": weights, "decoder/other": np.ones(2, np.float32)})  # fmt: skip
    read = read_part(path, "encoder")
    assert list(read) == ["conv1/weight"]
    np.testing.assert_array_equal(read["conv1/weight"], weights.astype(np.float32))


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    write_ctranslate2(path, "TransformerSpec", {})
    with pytest.raises(ValueError, match="not a CTranslate2 Whisper model"):
        read_part(path, "encoder")
