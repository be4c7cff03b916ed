"""Batches of training: what they hold, and what does not come into them."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from auricle.errors import ArgumentError
from auricle.features import HOP
from auricle.recognizer.surface_forms import Writing
from auricle_train.data import batches as batches_module
from auricle_train.data.batches import FRAME
from auricle_train.losses.objective import after_wake_word
from testbed.small_training import PIECES, TOKENIZER, make_batches, tone


def test_batches_of_one_seed_are_the_same_and_hold_what_they_say() -> None:
    first, again = (next(iter(make_batches())) for _ in range(2))
    torch.testing.assert_close(first.features, again.features, rtol=0, atol=0)
    assert first.features.shape[1] == FRAME * int(first.frames.max())
    assert (first.skipped < first.frames).all()
    rows = zip(first.targets, first.tokens, first.pieces, first.piece_counts, strict=True)
    for tokens, count, pieces, piece_count in rows:
        text = TOKENIZER.decode(tokens[:count].tolist())
        assert set(text.split()) <= {"lo", "hi"}
        written = PIECES.decode(pieces[:piece_count].tolist())
        assert written in {text, text.capitalize() + "."} or written.count(".") == 2
        assert text == Writing(PIECES).plain(pieces[:piece_count].tolist())
    assert first.seconds <= first.features.shape[0] * first.features.shape[1] * HOP / 16000
    assert first.dropped == 0


def test_each_process_and_each_resumption_has_a_stream_of_its_own() -> None:
    seeds = ((1, 0, 0), (1, 1, 0), (1, 0, 500))
    sums = {float(next(iter(make_batches(seed))).features.sum()) for seed in seeds}
    assert len(sums) == len(seeds)


def test_some_batches_come_with_what_the_teacher_hears() -> None:
    some = list(islice(iter(make_batches()), 8))
    assert {batch.clean is None for batch in some} == {True, False}
    assert all(batch.clean is None or batch.clean.shape == batch.features.shape for batch in some)


def test_frames_of_the_wake_word_are_left_out_of_the_loss() -> None:
    batch = next(iter(make_batches()))
    frames = torch.arange(int(batch.frames.max())).float()[None, :, None]
    kept, counts = after_wake_word(frames.expand(len(batch.frames), -1, 1), batch)
    assert kept[:, 0, 0].tolist() == batch.skipped.tolist()
    assert (counts == batch.frames - batch.skipped).all()


def test_texts_longer_than_their_frames_are_dropped_and_counted() -> None:
    clips = [tone(300, "lo"), tone(2500, "hi hi " * 20)]
    some = list(islice(iter(make_batches(clips=clips)), 3))
    assert all((batch.tokens <= batch.frames - batch.skipped).all() for batch in some)
    assert sum(batch.dropped for batch in some) > 0


def test_texts_that_never_fit_are_an_error_and_no_endless_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches_module, "PATIENCE", 20)
    clips = [tone(2500, "hi hi " * 20, seconds=0.02)]
    with pytest.raises(ArgumentError, match="longer than their frames"):
        next(iter(make_batches(clips=clips)))
