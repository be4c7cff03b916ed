"""The top learns cached words, goes on where it was, and keeps its weights when steps go wrong."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.errors import ArgumentError, ModelError
from auricle_train.data.encoder_cache import SEARCH_FRAME, CachedUtterance
from auricle_train.models.top import Top, TopShape
from auricle_train.steps import keep_top, measure_top_loss
from auricle_train.top.data import Example, FrameAugmentation, TopBatches, batch_of, examples_of
from auricle_train.top.evaluation import collapsed, greedy_rates
from auricle_train.top.plan import TopPlan
from auricle_train.top.training import TopObjective, TopTrainer, load_top
from auricle_train.training import checkpoint
from testbed.small_training import TOKENIZER

SHAPE = TopShape(
    encoder_width=8, layers=1, width=32, heads=2, hidden=64, chunk=4, left=8,
    vocabulary=len(TOKENIZER), joint=32, embedding=16,
)  # fmt: skip
PLAN = TopPlan(
    hours=0.6, decay_hours=0.3, rate=5e-3, warm_steps=10, batch_seconds=16, ctc_hours=0.1,
    save_seconds=1e9, dev_seconds=1e9, average=0.9,
)  # fmt: skip


def utterances(count: int, seed: int = 0) -> list[CachedUtterance]:
    """Return words whose frames tell them apart: "lo" is up in one place, "hi" in another."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        frames = generator.normal(0, 0.1, (8 * SEARCH_FRAME, 8)).astype(np.float16)
        word = ("lo", "hi")[number % 2]
        frames[12:24, ("lo", "hi").index(word)] += 3.0
        found.append(CachedUtterance(frames, word, 0, "tones", (slice(0, 8),)))
    return found


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return examples_of(utterances(200), TOKENIZER)


def trainer(folder: Path, plan: TopPlan = PLAN, shape: TopShape = SHAPE) -> TopTrainer:
    return TopTrainer(shape, plan, "digest", folder)


def test_it_learns_the_words_and_logs_what_it_measures(
    examples: list[Example], tmp_path: Path
) -> None:
    run = trainer(tmp_path)
    assert run.run(examples, examples[:20], TOKENIZER) is None
    rates = greedy_rates(load_top(tmp_path / "checkpoint.pt")[0], examples[:20], TOKENIZER)
    assert rates["ctc"]["tones"].rate < 0.2
    assert rates["transducer"]["tones"].rate < 0.2
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["dev"]["transducer"]["tones"] < 20
    assert rows[-1]["heard_hours"] >= PLAN.hours


def test_a_run_goes_on_from_its_checkpoint(examples: list[Example], tmp_path: Path) -> None:
    first = trainer(tmp_path, replace(PLAN, hours=0.2))
    first.run(examples, examples[:4], TOKENIZER)
    second = trainer(tmp_path)
    assert (second.step, second.heard) == (first.step, first.heard)
    for ours, theirs in zip(second.top.parameters(), first.top.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    second.run(examples, examples[:4], TOKENIZER)
    assert second.heard >= PLAN.hours * 3600 > first.heard


def test_a_checkpoint_of_another_encoder_or_shape_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).save()
    with pytest.raises(ModelError, match="has shape .* and encoder digest, but this run"):
        TopTrainer(SHAPE, PLAN, "another", tmp_path)
    with pytest.raises(ModelError, match="has shape"):
        trainer(tmp_path, shape=replace(SHAPE, layers=2))
    checkpoint.write(tmp_path / "other.pt", {"model": {}})
    with pytest.raises(ModelError, match="not a checkpoint of `train-top`"):
        load_top(tmp_path / "other.pt")


def test_a_step_that_is_not_finite_changes_nothing(examples: list[Example], tmp_path: Path) -> None:
    run = trainer(tmp_path)
    batch = batch_of(examples[:8])
    batch.stacked[0, 0, 0] = float("nan")
    before = [value.clone() for value in run.top.parameters()]
    run._train_step(batch, False)
    assert run.left_out == 1
    for ours, theirs in zip(run.top.parameters(), before, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_frames_before_the_transcript_have_no_loss(examples: list[Example]) -> None:
    torch.manual_seed(0)
    objective = TopObjective(Top(SHAPE, 0.0), PLAN)
    plain = examples[0]
    prefix = np.zeros((8 * SEARCH_FRAME, 8), np.float16)
    longer = CachedUtterance(
        np.concatenate([prefix, plain.utterance.frames]), "lo", 8, "", plain.utterance.columns
    )
    one = torch.tensor(1.0)
    for ctc_only in (True, False):
        found = objective(batch_of([Example(longer, plain.tokens)]), one, ctc_only)
        heard = [Example(replace(longer, skipped=0), plain.tokens)]
        wrong = objective(batch_of(heard), one, ctc_only)
        assert bool(torch.isfinite(found).all())
        assert found[0] < wrong[0]


def test_an_epoch_hears_each_utterance_once_in_all_processes_together(
    examples: list[Example],
) -> None:
    heard = 0
    for rank in range(3):
        for batch in TopBatches(examples, 8.0, 1, share=(rank, 3)).epoch():
            assert batch.seconds <= 8.0
            heard += len(batch.frames)
    assert heard == len(examples)


def test_no_two_hearings_are_alike_and_the_cache_stays_as_it_is(examples: list[Example]) -> None:
    generator, kept = np.random.default_rng(0), examples[0].utterance.frames.copy()

    def read(*plan: float) -> torch.Tensor:
        return batch_of(examples[:1], generator, FrameAugmentation(*plan)).stacked

    plain = batch_of(examples[:1]).stacked
    assert any(bool((read(2, 4, 0.0, 0.0) == 0).all(-1).any()) for _ in range(20))
    assert any(bool((read(9, 0, 0.5, 0.0) == 0).all(1).any()) for _ in range(20))
    assert 0 < float((read(9, 0, 0.0, 0.5) - plain).std()) < 0.5 * float(plain.std())
    np.testing.assert_array_equal(examples[0].utterance.frames, kept)


def test_texts_longer_than_their_frames_are_left_out() -> None:
    one, other = utterances(2)
    long = replace(one, text="hi " * 9)
    assert [item.utterance.text for item in examples_of([long, other], TOKENIZER)] == ["hi"]
    with pytest.raises(ArgumentError, match="texts of all 1 utterances are too long"):
        examples_of([long], TOKENIZER)


def test_what_the_top_says_of_a_chunk_does_not_depend_on_later_chunks() -> None:
    torch.manual_seed(0)
    top = Top(SHAPE).eval()
    heard = torch.randn(1, 5 * SHAPE.chunk, SHAPE.inputs)
    changed = heard.clone()
    changed[:, 3 * SHAPE.chunk :] = 0.0
    first, second = top.encode(heard), top.encode(changed)
    torch.testing.assert_close(first[:, : 3 * SHAPE.chunk], second[:, : 3 * SHAPE.chunk])
    assert not torch.allclose(first[:, 3 * SHAPE.chunk :], second[:, 3 * SHAPE.chunk :])


def test_repeats_of_a_label_are_one_token() -> None:
    assert collapsed([0, 3, 3, 0, 3, 5, 5, 0]) == [3, 3, 5]


def test_what_is_kept_of_a_top_is_small_and_gives_the_same_weights(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.save()
    kept = tmp_path / "kept.pt"
    keep_top.run(Namespace(checkpoint=run.path, out=kept))
    assert kept.stat().st_size < run.path.stat().st_size / 2
    top, saved = load_top(kept)
    assert saved["digest"] == "digest"
    for name, value in top.state_dict().items():
        torch.testing.assert_close(value, run.average.state_dict()[name], rtol=1e-3, atol=1e-4)
    again = TopTrainer(SHAPE, PLAN, "digest", tmp_path / "next", start=kept)
    torch.testing.assert_close(again.top.ctc.weight, top.ctc.weight)
    assert again.heard_before == run.heard + run.heard_before


def test_copies_that_were_read_often_have_a_smaller_loss(
    examples: list[Example], tmp_path: Path
) -> None:
    run = trainer(tmp_path)
    run.run(examples, examples[:4], TOKENIZER)
    top, _ = load_top(run.path)
    known = measure_top_loss.losses(top, examples[:40])
    wrong = [Example(one.utterance, examples[place + 1].tokens) for place, one in
             enumerate(examples[:40])]  # fmt: skip
    assert known["transducer"] < measure_top_loss.losses(top, wrong)["transducer"] / 2
