"""A run of training: the loss falls, and nothing is lost when something goes wrong."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from auricle.audio.file import read_recording
from auricle.errors import ModelError, StorageError
from auricle_train.data.batches import Batch
from auricle_train.data.encoder_cache import FrozenEncoder
from auricle_train.export.golden import encode
from auricle_train.models.dimensions import Shape
from auricle_train.models.transducer import contexts_of
from auricle_train.top.training import load_top
from auricle_train.training import checkpoint
from auricle_train.training.checkpoint import load_model
from auricle_train.training.config import Plan
from auricle_train.training.run_log import RunLog
from auricle_train.training.trainer import Trainer
from testbed.small_training import PLAN, SHAPE, make_batches, make_objective

FEW = list(islice(iter(make_batches(seconds=4)), 6))


def trainer(folder: Path, plan: Plan = PLAN, shape: Shape = SHAPE) -> Trainer:
    torch.set_num_threads(1)
    return Trainer(make_objective(plan, shape), folder / "checkpoint.pt")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def spoiled(batch: Batch) -> Batch:
    """A batch in which a broken file has left something that is not a number."""
    features = batch.features.clone()
    features[0, 3, 7] = torch.nan
    return replace(batch, features=features)


def fill_disk(path: Path) -> None:
    """Let what is written to `path` find no space, until that name is taken away."""
    path.symlink_to("/dev/full")


@pytest.mark.parametrize(
    "shape",
    [SHAPE, replace(SHAPE, branch=1), replace(SHAPE, encoder="lstm")],
    ids=["attention", "branch", "lstm"],
)
def test_the_loss_falls(tmp_path: Path, shape: Shape) -> None:
    batches = list(islice(iter(make_batches()), 45))
    run = trainer(tmp_path, replace(PLAN, encoder_rate=5e-3, branch_rate=5e-3), shape)
    assert run.run(batches, tmp_path / "log.jsonl") is None
    losses = [row["transducer"] for row in rows_of(tmp_path) if "transducer" in row]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_a_run_goes_on_where_its_checkpoint_is(tmp_path: Path) -> None:
    first = trainer(tmp_path)
    first.run(FEW[:4], tmp_path / "log.jsonl")
    again = trainer(tmp_path)
    assert (again.step, again.heard) == (4, first.heard)
    torch.testing.assert_close(
        again.model.state_dict(), load_model(again.path).state_dict(), rtol=0, atol=0
    )
    again.run(FEW[4:], tmp_path / "log.jsonl")
    assert [row["step"] for row in rows_of(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_a_kill_costs_no_more_than_the_steps_since_the_checkpoint(tmp_path: Path) -> None:
    """They are done again, and stand in the log once; the line that the kill has torn is gone."""
    run, log = trainer(tmp_path), tmp_path / "log.jsonl"
    run.run(FEW[:3], log)
    with log.open("a", encoding="utf-8") as lost:
        lost.write('{"step": 4, "elapsed": 9.0}\n{"step": 5, "ela')
    trainer(tmp_path).run(FEW[:2], log)
    assert [row["step"] for row in rows_of(tmp_path)] == [1, 2, 3, 4, 5]


def test_a_step_that_is_not_finite_is_left_out(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.run([*FEW[:3], spoiled(FEW[3]), *FEW[4:]], tmp_path / "log.jsonl")
    rows = rows_of(tmp_path)
    assert [row.get("left_out") for row in rows] == [None, None, None, 1, 1, 1]
    assert rows[3]["ctc"] is None
    assert all(torch.isfinite(value).all() for value in run.model.parameters())


def test_a_run_that_stays_not_finite_ends_and_names_the_good_checkpoint(tmp_path: Path) -> None:
    plan = replace(PLAN, bad_steps=3, save_seconds=0.0)
    run = trainer(tmp_path, plan)
    with pytest.raises(ModelError, match=r"3 steps in a row.*last checkpoint is .*\.pt"):
        run.run([*FEW[:2], *[spoiled(FEW[3])] * 4], tmp_path / "log.jsonl")
    assert trainer(tmp_path, plan).step == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_in_good_order(tmp_path: Path, number: int) -> None:
    class Endless:
        """Sends the signal from the process that makes the batches."""

        def __iter__(self) -> Iterator[Batch]:
            yield from FEW
            os.kill(os.getppid(), number)
            while True:
                yield from FEW

    assert trainer(tmp_path).run(Endless(), tmp_path / "log.jsonl") == number
    assert trainer(tmp_path).step == len(rows_of(tmp_path)) > 0


def test_a_full_disk_is_told_and_training_goes_on_and_tries_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_disk(tmp_path / "checkpoint.partial")
    run = trainer(tmp_path, replace(PLAN, save_seconds=0.0))
    run.run(FEW, tmp_path / "log.jsonl")
    assert capsys.readouterr().out.count("No space left on device: free some space") == 1
    assert trainer(tmp_path).step == 6


def test_a_checkpoint_that_finds_no_space_leaves_the_one_before(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.run(FEW[:2], tmp_path / "log.jsonl")
    fill_disk(tmp_path / "checkpoint.partial")
    with pytest.raises(StorageError, match="free some space"):
        run.run(FEW[2:], tmp_path / "log.jsonl")
    assert trainer(tmp_path).step == 2
    assert not list(tmp_path.glob("*.partial"))


def test_rows_wait_while_the_disk_is_full(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.jsonl", step=0)
    fill_disk(tmp_path / "log.jsonl")
    with pytest.raises(OSError, match="No space"):
        log.write({"step": 1})
    (tmp_path / "log.jsonl").unlink()
    log.write({"step": 2})
    assert rows_of(tmp_path) == [{"step": 1}, {"step": 2}]


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).save()
    with pytest.raises(ModelError, match="name another folder"):
        trainer(tmp_path, shape=replace(SHAPE, joint=48))


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"text")
    with pytest.raises(ModelError, match="not a checkpoint"):
        trainer(tmp_path)


def test_heads_and_decoder_of_one_encoder_start_the_other(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.save()
    other = make_objective(PLAN, replace(SHAPE, encoder="lstm")).model
    torch.nn.init.ones_(other.output.weight)
    checkpoint.take(other, checkpoint.read(run.path))
    torch.testing.assert_close(other.output.weight, run.model.output.weight)


def test_a_decoder_goes_on_with_other_pieces_and_keeps_their_table(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.save()
    other = make_objective(PLAN, replace(SHAPE, pieces=SHAPE.pieces + 3)).model
    table = other.decoder.embedding.weight.detach().clone()
    checkpoint.take(other, checkpoint.read(run.path))
    torch.testing.assert_close(other.decoder.embedding.weight.detach(), table, rtol=0, atol=0)
    name = "decoder.blocks.0.up.weight"
    torch.testing.assert_close(other.state_dict()[name], run.model.state_dict()[name])


def test_the_weights_of_the_shipped_model_are_there_to_go_on_from() -> None:
    """They are those that the reference of the daemon's tests was computed with."""
    root = Path(__file__).parents[3]
    checkpoints = root / "tools" / "auricle_train" / "checkpoints"
    model = load_model(checkpoints / "en-tiny-0.4.0.pt")
    top, saved = load_top(checkpoints / "en-tiny-0.7.0-top.pt")
    assert saved["digest"] == FrozenEncoder(model, ["encoder"]).digest
    reference = np.load(root / "tests" / "recognizer" / "reference.npz")
    recording = root / "tests" / "recordings" / f"{reference['recording']}.opus"
    frames, ctc = encode(model, top, read_recording(recording))
    for found, expected in ((frames, reference["frames"]), (ctc, reference["ctc"])):
        assert np.mean((found - expected) ** 2) / np.var(expected.astype(np.float32)) < 1e-3


def test_contexts_are_the_two_tokens_before_each_place() -> None:
    contexts = contexts_of(torch.tensor([[5, 6, 7]]))
    assert contexts.tolist() == [[[0, 0], [0, 5], [5, 6], [6, 7]]]
