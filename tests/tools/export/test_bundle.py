"""A checkpoint becomes a bundle that the daemon loads, with or without a second pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.bundle.manifest import load_bundle
from auricle.errors import ModelError
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import load_recognizer
from auricle_train.data.encoder_cache import FrozenEncoder
from auricle_train.export import bundle
from auricle_train.export.bundle import write_bundle
from auricle_train.export.second_pass import replace_second_pass
from auricle_train.models.top import TopShape
from auricle_train.models.transducer import Shape, Transducer
from auricle_train.top.plan import TopPlan
from auricle_train.top.training import TopTrainer
from auricle_train.training.checkpoint import load_model

SHAPE = Shape(
    vocabulary=5, layers=1, width=32, heads=2, hidden=64, positions=200, chunk=8, left=16,
    joint=32, embedding=16, branch=1, decoder_layers=1, pieces=40,
)  # fmt: skip


TOP = TopShape(
    encoder_width=32, layers=1, width=32, heads=2, hidden=64, chunk=2, left=8, vocabulary=5,
    joint=32, embedding=16,
)  # fmt: skip


@pytest.fixture
def top(files: tuple[Path, Path, Path], tmp_path: Path) -> Path:
    """A checkpoint of the top on the encoder of `files`."""
    digest = FrozenEncoder(load_model(files[0]), TOP.streams).digest
    TopTrainer(TOP, TopPlan(), digest, tmp_path / "top").save()
    return tmp_path / "top" / "checkpoint.pt"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A checkpoint, the vocabulary of the first pass, and that of the second."""
    checkpoint, tokens, pieces = (tmp_path / name for name in ("one.pt", "tokens", "pieces"))
    model = Transducer(SHAPE).state_dict()
    saved = {"shape": SHAPE.as_dict(), "model": model, "heard": 7200.0, "step": 9, "plan": {}}
    torch.save(saved, checkpoint)
    tokens.write_text("<blank>\t0\n▁a\t-1\n▁b\t-1\nc\t-1\nd\t-1\n", encoding="utf-8")
    pieces.write_text("<end>\t0\n" + "".join(f"▁{n}\t-1\n" for n in range(39)), encoding="utf-8")
    return checkpoint, tokens, pieces


@pytest.mark.parametrize("second_pass", [False, True])
def test_the_daemon_loads_and_runs_a_bundle(
    files: tuple[Path, Path, Path], top: Path, tmp_path: Path, second_pass: bool
) -> None:
    checkpoint, tokens, pieces = files
    write_bundle(
        checkpoint, top, tokens, pieces if second_pass else None, "tiny", "1", tmp_path / "out"
    )
    made = load_bundle(tmp_path / "out", "recognizer")
    assert made.settings["second_pass"] is second_pass
    assert ("decoder.tflite.gz" in made.files) is second_pass
    assert (tmp_path / "out" / "decoder.tflite.gz").exists() is second_pass
    recognizer = load_recognizer(made, SearchOptions(), threads=1)
    noise = np.random.default_rng(0).integers(-9000, 9000, 16000).astype(np.int16)
    state, _ = recognizer.step(recognizer.initial_state(), noise)
    recognizer.result(recognizer.look_ahead(state)[0])


def test_pieces_that_the_decoder_was_not_trained_with_are_refused(
    files: tuple[Path, Path, Path], top: Path, tmp_path: Path
) -> None:
    checkpoint, tokens, _ = files
    with pytest.raises(ModelError, match="has 5 pieces, but the decoder of .* writes 40; name the"):
        write_bundle(checkpoint, top, tokens, tokens, "tiny", "1", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_without_a_decoder_gives_no_second_pass(
    files: tuple[Path, Path, Path], top: Path, tmp_path: Path
) -> None:
    checkpoint, tokens, pieces = files
    saved = torch.load(checkpoint, weights_only=True)
    saved["model"] = {
        name: value for name, value in saved["model"].items() if not name.startswith("decoder.")
    }
    torch.save(saved, checkpoint)
    with pytest.raises(ModelError, match="has no second pass; leave --pieces out"):
        write_bundle(checkpoint, top, tokens, pieces, "tiny", "1", tmp_path / "out")


def test_a_bundle_larger_than_it_may_be_is_refused(
    files: tuple[Path, Path, Path], top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, tokens, pieces = files
    monkeypatch.setattr(bundle, "LIMITS", (("second pass", bundle.SECOND, 0),))
    with pytest.raises(ModelError, match=r"second pass: takes 0\.\d MB, but the limit is 0 MB"):
        write_bundle(checkpoint, top, tokens, pieces, "tiny", "1", tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.yaml").exists()


def test_a_top_of_another_encoder_is_refused(
    files: tuple[Path, Path, Path], top: Path, tmp_path: Path
) -> None:
    checkpoint, tokens, pieces = files
    saved = torch.load(checkpoint, weights_only=True)
    saved["model"]["encoder.conv1.bias"] += 1.0
    torch.save(saved, checkpoint)
    with pytest.raises(ModelError, match=r"checkpoint\.pt: was trained on encoder .* name the"):
        write_bundle(checkpoint, top, tokens, pieces, "tiny", "1", tmp_path / "out")


def test_float_weights_may_be_of_any_size(
    files: tuple[Path, Path, Path], top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, tokens, pieces = files
    monkeypatch.setattr(bundle, "LIMITS", (("second pass", bundle.SECOND, 0),))
    write_bundle(checkpoint, top, tokens, pieces, "tiny", "1", tmp_path / "out", quantize=False)
    monkeypatch.undo()
    write_bundle(checkpoint, top, tokens, pieces, "tiny", "1", tmp_path / "small")
    load_recognizer(load_bundle(tmp_path / "out", "recognizer"), SearchOptions(), threads=1)
    sizes = [(tmp_path / name / "memory.tflite.gz").stat().st_size for name in ("out", "small")]
    assert sizes[0] > sizes[1]


def test_the_second_pass_of_a_bundle_is_replaced_and_the_first_stays(
    files: tuple[Path, Path, Path], top: Path, tmp_path: Path
) -> None:
    checkpoint, tokens, pieces = files
    out = tmp_path / "out"
    write_bundle(checkpoint, top, tokens, pieces, "tiny", "1", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    other = SHAPE.as_dict() | {"second_encoder": True}
    model = Transducer(Shape(**other)).state_dict()
    torch.save({"shape": other, "model": model, "second_pass": {"note": "x"}}, checkpoint)
    replace_second_pass(out, checkpoint)
    made = load_bundle(out, "recognizer")  # checks the sums
    changed = {name for name, content in before.items() if (out / name).read_bytes() != content}
    assert changed == {"memory.tflite.gz", "decoder.tflite.gz", "manifest.yaml"}
    load_recognizer(made, SearchOptions(), threads=1)


def test_a_bundle_without_a_second_pass_gets_none(
    files: tuple[Path, Path, Path], top: Path, tmp_path: Path
) -> None:
    checkpoint, tokens, _ = files
    write_bundle(checkpoint, top, tokens, None, "tiny", "1", tmp_path / "out")
    with pytest.raises(ModelError, match="has no second pass: make a bundle with one"):
        replace_second_pass(tmp_path / "out", checkpoint)
