"""Minimum word error rate training: its gradient, its lists, killed runs and wrong lists."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor

from auricle.errors import ModelError, StorageError
from auricle_train.__main__ import main
from auricle_train.data.encoder_cache import read_cache, shards_of
from auricle_train.models.top import Top
from auricle_train.models.transducer import contexts_of
from auricle_train.text.word_errors import compare
from auricle_train.top import nbest_lists
from auricle_train.top.data import batch_of, examples_of
from auricle_train.top.mwer import (
    Lists,
    MwerBatches,
    MwerObjective,
    MwerTrainer,
    expected_errors,
    with_lists,
)
from auricle_train.top.nbest import BeamOptions
from auricle_train.top.nbest_lists import Listed, ListOptions, read_lists, top_digest, write_lists
from auricle_train.top.plan import MwerPlan
from auricle_train.top.training import load_top
from testbed.small_top import TOP_SHAPE, make_top, write_cache, write_top, write_vocabulary

from testbed.small_training import TOKENIZER  # isort: skip

PLAN = MwerPlan(hours=10 / 3600, decay_hours=5 / 3600, batch_seconds=4.0, dropout=0.0, warm_steps=1)


def by_brute_force(top: Top, encoded: Tensor, tokens: tuple[int, ...]) -> Tensor:
    """Return the probability of a text: the sum over every alignment, one after another."""
    frames = top.project(encoded)
    predictions = top.predictions(
        contexts_of(torch.tensor([tokens], dtype=torch.int64).view(1, -1))
    )[0]
    scores = top.joint(frames[:, None], predictions[None]).log_softmax(-1)
    total = []
    for places in product(range(len(encoded)), repeat=len(tokens)):
        if list(places) != sorted(places):
            continue
        path, spoken = scores.new_zeros(()), 0
        for frame in range(len(encoded)):
            for token in [one for one, at in zip(tokens, places, strict=True) if at == frame]:
                path = path + scores[frame, spoken, token]
                spoken += 1
            path = path + scores[frame, spoken, 0]
        total.append(path)
    return torch.stack(total).logsumexp(0)


def listed_cache(folder: Path, top: Top) -> list[Listed]:
    digest = write_cache(folder / "cache")
    shards = shards_of(folder / "cache")
    write_lists(shards, folder / "lists", top, digest, TOKENIZER)
    return read_lists(shards, folder / "lists", top, (top_digest(top), digest), TOKENIZER)


def test_the_gradient_is_that_of_errors_expected_over_every_alignment(tmp_path: Path) -> None:
    top = make_top(3, scale=3.0)
    item = listed_cache(tmp_path, top)[0]
    short = replace(item.example.utterance, frames=item.example.utterance.frames[:12])
    example = replace(item.example, utterance=short, tokens=(1,))
    lists = [Listed(example, ((1,), (2,), (1, 2), ()), (0, 1, 1, 3))]
    batch = with_lists(batch_of([example]), lists)
    objective = MwerObjective(top, replace(PLAN, ctc_share=0.0))
    found = objective(batch, torch.ones(()), False)[0]
    ours = torch.autograd.grad(found, [top.output.weight, top.project.weight])
    encoded = objective.transcribed(batch)[0][0]
    scores = torch.stack([by_brute_force(top, encoded, one) for one in lists[0].hypotheses])
    expected = (scores.softmax(0) * torch.tensor([0.0, 1.0, 1.0, 3.0])).sum()
    assert found.item() == pytest.approx(expected.item(), abs=1e-4)
    theirs = torch.autograd.grad(expected, [top.output.weight, top.project.weight])
    for one, other in zip(ours, theirs, strict=True):
        assert other.abs().max() > 1e-3
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_ctc_has_its_share_of_the_gradient(tmp_path: Path) -> None:
    top = make_top(3, scale=3.0)
    listed = listed_cache(tmp_path, top)
    batch = next(iter(MwerBatches(listed, 4.0, 0)))
    for share, learns in ((0.0, False), (0.5, True)):
        objective = MwerObjective(top, replace(PLAN, ctc_share=share))
        loss = objective(batch, torch.ones(()), False)[0]
        (gradient,) = torch.autograd.grad(loss, [top.ctc.weight], allow_unused=True)
        assert (gradient is not None and bool(gradient.abs().max() > 0)) == learns


def test_places_without_a_hypothesis_do_not_count() -> None:
    scores = torch.tensor([[0.5, 0.1, 9.0]], requires_grad=True)
    errors, present = torch.tensor([[2.0, 5.0, 7.0]]), torch.tensor([[True, True, False]])
    found = expected_errors(scores, errors, present)
    shares = scores[:, :2].softmax(-1)
    assert found.item() == pytest.approx((shares * errors[:, :2]).sum().item(), rel=1e-6)
    found.sum().backward()
    assert scores.grad is not None and scores.grad[0, 2] == 0


def test_lists_hold_the_errors_of_each_hypothesis(tmp_path: Path) -> None:
    top = make_top(3, scale=3.0)
    listed = listed_cache(tmp_path, top)
    assert len(listed) == 12
    assert any(len(item.hypotheses) > 1 for item in listed)
    for item in listed:
        assert len(item.hypotheses) == len(item.errors)
        for tokens, errors in zip(item.hypotheses, item.errors, strict=True):
            text = TOKENIZER.decode(list(tokens))
            assert errors == compare(item.example.utterance.text, text).errors


def test_decoding_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, digest = make_top(3), write_cache(tmp_path / "cache")
    shards, lists = shards_of(tmp_path / "cache"), tmp_path / "lists"
    write_lists(shards[:1], lists, top, digest, TOKENIZER)
    first = (lists / "cache-00000.json").stat().st_mtime_ns

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(nbest_lists.os, "replace", full)
        with pytest.raises(StorageError, match="No space left"):
            write_lists(shards, lists, top, digest, TOKENIZER)
    assert [path.name for path in lists.iterdir()] == ["cache-00000.json"]
    write_lists(shards, lists, top, digest, TOKENIZER)
    assert len(list(lists.iterdir())) == 2
    assert (lists / "cache-00000.json").stat().st_mtime_ns == first


def test_lists_of_another_top_or_beam_are_refused(tmp_path: Path) -> None:
    digest = write_cache(tmp_path / "cache")
    shards, lists = shards_of(tmp_path / "cache"), tmp_path / "lists"
    one, other = make_top(1), make_top(2)
    write_lists(shards, lists, one, digest, TOKENIZER)
    with pytest.raises(ModelError, match="made with .*top.*: run `decode-nbest` with another"):
        write_lists(shards, lists, other, digest, TOKENIZER)
    with pytest.raises(ModelError, match="made with {'beam': 4}"):
        write_lists(shards, lists, one, digest, TOKENIZER, ListOptions(BeamOptions(beam=2)))
    start = tmp_path / "start.pt"
    write_top(start, digest, other)
    trainer = MwerTrainer(TOP_SHAPE, PLAN, digest, tmp_path / "run", start,
                          Lists(shards, lists, TOKENIZER))  # fmt: skip
    with pytest.raises(ModelError, match="made with .*top"):
        next(trainer.batches())


@pytest.mark.parametrize("content", ["", "[]", '{"rows": 3}'])
def test_a_damaged_list_is_told(tmp_path: Path, content: str) -> None:
    digest, top = write_cache(tmp_path / "cache", shards=1), make_top()
    shards = shards_of(tmp_path / "cache")
    (tmp_path / "cache-00000.json").write_text(content)
    with pytest.raises(ModelError, match=r"cache-00000\.json: not n-best lists"):
        read_lists(shards, tmp_path, top, (top_digest(top), digest), TOKENIZER)


def test_a_cache_without_lists_is_told(tmp_path: Path) -> None:
    digest, top = write_cache(tmp_path / "cache", shards=1), make_top()
    with pytest.raises(ModelError, match="has no lists of this cache: run `decode-nbest` first"):
        read_lists(shards_of(tmp_path / "cache"), tmp_path, top, (top_digest(top), digest),
                   TOKENIZER)  # fmt: skip


def write_inputs(folder: Path) -> list[str]:
    """Write cache, top, vocabulary and lists; return the words of `train-mwer` without plan."""
    digest = write_cache(folder / "cache")
    write_top(folder / "start.pt", digest, make_top(3, scale=3.0))
    write_vocabulary(folder / "tokens.txt")
    shared = ["--cache", str(folder / "cache"), "--vocabulary", str(folder / "tokens.txt"),
              "--threads", "1"]  # fmt: skip
    decode = ["decode-nbest", "--checkpoint", str(folder / "start.pt"), "--out"]
    assert main([*decode, str(folder / "lists"), *shared]) == 0
    return ["train-mwer", "--start", str(folder / "start.pt"), "--lists", str(folder / "lists"),
            "--dev", str(folder / "cache"), "--out", str(folder / "run"), *shared]  # fmt: skip


def test_the_steps_lower_expected_errors_and_write_a_top(tmp_path: Path) -> None:
    words = write_inputs(tmp_path)
    plan = ["--hours", "0.2", "--decay-hours", "0.1", "--batch-seconds", "8", "--rate", "0.003",
            "--likelihood", "0.05", "--refresh-hours", "0.05"]  # fmt: skip
    assert main([*words, *plan]) == 0
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    losses = [row["expected"] for row in rows if "expected" in row]
    assert losses[-1] < 0.8 * losses[0]
    top, saved = load_top(tmp_path / "run" / "checkpoint.pt")
    assert saved["heard"] >= 0.2 * 3600
    # The lists were decoded anew, and only the last ones are kept.
    (lists,) = (tmp_path / "run").glob("lists-*")
    assert lists.name == f"lists-{saved['lists'][:12]}"
    assert saved["lists"] != top_digest(load_top(tmp_path / "start.pt")[0])
    assert top.shape == TOP_SHAPE


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    words = write_inputs(tmp_path)
    plan = ["--hours", "5", "--decay-hours", "1", "--save-seconds", "0", "--refresh-hours", "0.01"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    run = subprocess.Popen([sys.executable, "-m", "auricle_train", *words, *plan], env=environment)
    log = tmp_path / "run" / "log.jsonl"
    killer = threading.Timer(100.0, run.kill)
    killer.start()
    while run.poll() is None and not (log.exists() and log.read_text()):
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    killer.cancel()
    before = load_top(tmp_path / "run" / "checkpoint.pt")[1]
    assert before["step"] > 0
    hours = str(before["heard"] / 3600 + 0.01)
    assert main([*words, "--hours", hours, "--refresh-hours", "0.01"]) == 0
    after = load_top(tmp_path / "run" / "checkpoint.pt")[1]
    assert after["step"] > before["step"]
    assert after["heard"] >= float(hours) * 3600
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == sorted(steps)


def test_a_run_on_utterances_of_another_encoder_is_refused(tmp_path: Path) -> None:
    digest = write_cache(tmp_path / "cache")
    write_top(tmp_path / "start.pt", "0" * 64)
    with pytest.raises(ModelError, match="this run has .* and "):
        MwerTrainer(TOP_SHAPE, PLAN, digest, tmp_path / "run", tmp_path / "start.pt",
                    Lists([], tmp_path, TOKENIZER))  # fmt: skip


def test_examples_carry_their_texts(tmp_path: Path) -> None:
    write_cache(tmp_path / "cache")
    examples = examples_of(read_cache(tmp_path / "cache"), TOKENIZER)
    assert {len(item.tokens) for item in examples} == {1, 2, 3}
