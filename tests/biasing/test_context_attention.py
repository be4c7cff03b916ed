"""Context attention with the shipped graphs on real recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.biasing.biasing import BiasingOptions
from auricle.biasing.context_attention import (
    LONGEST,
    Attention,
    ContextEncoder,
    Queries,
    QueryEncoder,
    numbered,
)
from auricle.bundle.manifest import load_bundle
from auricle.context.entries import Context, Entry
from auricle.errors import ModelError
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import NAMES, load_recognizer
from auricle.recognizer.recognizer import Recognizer

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "models" / "en-tiny"
VOICE = ROOT / "tests" / "recordings" / "no_remonstrance.opus"
SAID = "remonstrance"
OTHERS = (
    "remembrance", "residence", "batcave", "siobhan kowalczyk", "humidifier", "radio four",
    "beethoven", "conservatory", "athanasios", "kitchen lamp",
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> ContextEncoder:
    return ContextEncoder(SHIPPED / "names.tflite.gz", 1)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return load_recognizer(load_bundle(SHIPPED, "recognizer"), SearchOptions(), 1)


def context_of(*names: str) -> Context:
    return Context(tuple(Entry("words", name) for name in names))


def test_letters_outside_the_alphabet_are_left_out() -> None:
    assert numbered(["ab"])[0, :3].tolist() == [3, 4, 0]
    assert numbered(["a1b"])[0, :3].tolist() == [3, 4, 0]
    assert numbered(["x" * 100]).shape == (1, LONGEST)


def test_a_key_does_not_depend_on_the_batch(encoder: ContextEncoder) -> None:
    alone = encoder.keys(["siobhan"])
    fresh = ContextEncoder(SHIPPED / "names.tflite.gz", 1)
    many = fresh.keys([*(f"{word} again" for word in OTHERS * 9), "siobhan", "siobhan"])
    assert np.allclose(many[-1], alone, atol=1e-5)
    assert np.array_equal(many[-1], many[-2])
    assert encoder.keys([]).shape == (0, encoder.width)


def test_best_scores_do_not_depend_on_the_grouping_of_frames(encoder: ContextEncoder) -> None:
    keys = encoder.keys(OTHERS)
    draw = np.random.default_rng(1)
    whole = Queries(
        draw.standard_normal((9, encoder.width)).astype(np.float32),
        draw.standard_normal(9).astype(np.float32),
    )
    parts = [whole.between(place, place + 1).best(keys) for place in range(9)]
    assert np.allclose(np.maximum.reduce(parts), whole.best(keys), atol=1e-5)
    assert np.all(whole.between(3, 3).best(keys) == -np.inf)


def test_attention_finds_the_spoken_name(recognizer: Recognizer) -> None:
    samples, _ = soundfile.read(VOICE, dtype="int16")
    seen = recognizer.attend(samples, recognizer.biasing_of(context_of(*OTHERS, SAID)))
    assert seen is not None
    assert seen.names[0] == SAID
    assert seen.shares[0].max() > 0.5
    assert np.all(seen.shares >= 0)
    assert np.all(seen.shares.sum(axis=0) <= 1 + 1e-5)
    assert seen.shares.shape[1] == pytest.approx(len(samples) / 16000 / seen.frame_seconds, abs=1)


def test_a_name_that_attention_found_has_a_larger_bonus(recognizer: Recognizer) -> None:
    biasing = recognizer.biasing_of(context_of(*OTHERS, SAID))
    assert biasing is not None
    assert biasing.keys is not None
    assert biasing.attention is not None
    scores = np.full(len(biasing.keys.sounds), -20.0, np.float32)
    assert biasing.attended(scores) is biasing
    scores[biasing.keys.sounds.index(SAID)] = 3.0
    seen = biasing.attended(scores)
    assert seen.attention is not None
    before, after = biasing.attention, seen.attention
    assert after.of_text(f"said {SAID}") > before.of_text(f"said {SAID}") > 0
    assert after.of_text(f"the {SAID}'s") > before.of_text(f"the {SAID}'s")
    assert after.of_text("the batcave") == before.of_text("the batcave")


def test_without_attention_the_biasing_stays_the_same() -> None:
    bundle = load_bundle(SHIPPED, "recognizer")
    options = BiasingOptions(shortlist=None)
    plain = load_recognizer(bundle, SearchOptions(), 1, biasing=options)
    biasing = plain.biasing_of(context_of(SAID))
    assert biasing is not None
    assert biasing.keys is None
    assert plain.attend(np.zeros(16000, np.int16), biasing) is None


def test_a_bundle_may_lack_attention() -> None:
    bundle = load_bundle(SHIPPED, "recognizer")
    bundle = replace(bundle, files=bundle.files - {*NAMES})
    biasing = load_recognizer(bundle, SearchOptions(), 1).biasing_of(context_of(SAID))
    assert biasing is not None
    assert biasing.keys is None


def test_a_listener_that_reads_other_chunks_than_the_encoder_gives_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class LongListener(QueryEncoder):
        def __init__(self, path: Path, threads: int, runtime: str = "auto") -> None:
            super().__init__(path, threads, runtime)
            self.chunk = 2 * self.chunk[0], self.chunk[1]

    monkeypatch.setattr("auricle.recognizer.loading.QueryEncoder", LongListener)
    with pytest.raises(ModelError, match=r"context attention reads \(64, 384\)"):
        load_recognizer(load_bundle(SHIPPED, "recognizer"), SearchOptions(), 1)


def test_graphs_of_different_width_are_refused(encoder: ContextEncoder) -> None:
    listener = QueryEncoder(SHIPPED / "listener.tflite.gz", 1)
    listener.width += 1
    with pytest.raises(ModelError, match="context attention"):
        Attention(encoder, listener)
