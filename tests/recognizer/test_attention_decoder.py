"""The attention decoder on a small graph gives PyTorch's scores, in any order of steps.

`attention/make.py` makes the graph and writes what PyTorch computes with the same weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auricle.errors import ArgumentError, ModelError
from auricle.features import BANDS, SILENCE
from auricle.recognizer.attention_decoder import AttentionDecoder

HERE = Path(__file__).parent / "attention"
MEMORY, DECODER = HERE / "memory.tflite", HERE / "decoder.tflite"
EXPECTED = np.load(HERE / "expected.npz")
FEATURES = EXPECTED["features"]  # (80, 80), 40 encoder frames
FIRST = int(EXPECTED["first"])


@pytest.fixture(scope="module")
def decoder() -> AttentionDecoder:
    return AttentionDecoder(MEMORY, DECODER, threads=1)


def test_its_limits_are_those_of_the_graph(decoder: AttentionDecoder) -> None:
    assert (decoder.rows, decoder.places, decoder.frames) == (4, 94, 262)
    assert decoder.vocabulary == 48


def test_steps_give_the_scores_of_pytorch(decoder: AttentionDecoder) -> None:
    """The compared hypothesis moves to another row at each step and is longer than 32 places."""
    state, log_probs = decoder.begin(FEATURES, FIRST)
    scores = [log_probs[0]]
    for piece in EXPECTED["pieces"].tolist():
        others = len(scores) % decoder.rows
        pieces, parents = [7] * others + [piece], [0] * others + [state.rows - 1]
        state, log_probs = decoder.step(state, pieces, parents)
        assert (state.rows, log_probs.shape) == (others + 1, (others + 1, decoder.vocabulary))
        scores.append(log_probs[-1])
    expected = EXPECTED["log_probs"]
    assert np.mean((np.stack(scores) - expected) ** 2) / np.var(expected) < 0.02


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 47)), max_size=12))
def test_branches_and_utterances_do_not_disturb_each_other(
    decoder: AttentionDecoder, steps: list[tuple[int, int]]
) -> None:
    known = [
        (FIRST, (), *decoder.begin(FEATURES, FIRST)),
        (35, (), *decoder.begin(FEATURES, 35)),
    ]
    for earlier, piece in steps:
        first, pieces, state, _ = known[earlier % len(known)]
        known.append((first, (*pieces, piece), *decoder.step(state, [piece], [0])))
    for first, pieces, _, log_probs in known:
        state, alone = decoder.begin(FEATURES, first)
        for piece in pieces:
            state, alone = decoder.step(state, [piece], [0])
        np.testing.assert_array_equal(alone, log_probs)


def test_earlier_frames_are_context_of_the_encoder(decoder: AttentionDecoder) -> None:
    _, log_probs = decoder.begin(FEATURES, 8)
    assert not np.array_equal(decoder.begin(FEATURES[2:], 7)[1], log_probs)


def test_an_odd_number_of_feature_frames_is_padded_with_silence(decoder: AttentionDecoder) -> None:
    odd = np.concatenate([FEATURES[:79], np.full((1, BANDS), SILENCE, np.float32)])
    np.testing.assert_array_equal(decoder.begin(FEATURES[:79])[1], decoder.begin(odd)[1])


@pytest.mark.parametrize(("count", "first"), [(0, 0), (80, 40), (2 * 262 + 1, 0)])
def test_too_few_or_too_many_frames_are_refused(
    decoder: AttentionDecoder, count: int, first: int
) -> None:
    features = np.resize(FEATURES, (count, BANDS))
    with pytest.raises(ArgumentError, match=r"features hold \d+ frames; must be 1 to 262"):
        decoder.begin(features, first)


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_or_too_many_hypotheses_are_refused(decoder: AttentionDecoder, count: int) -> None:
    state, _ = decoder.begin(FEATURES, FIRST)
    with pytest.raises(ArgumentError, match=f"pieces has {count} items; must be 1 to 4"):
        decoder.step(state, [1] * count, [0] * count)


def test_more_pieces_than_places_are_refused(decoder: AttentionDecoder) -> None:
    state, _ = decoder.begin(FEATURES, FIRST)
    for _ in range(decoder.places):
        state, _ = decoder.step(state, [1], [0])
    with pytest.raises(ArgumentError, match="more than 94 pieces"):
        decoder.step(state, [1], [0])


def test_an_unknown_piece_is_a_model_error(
    decoder: AttentionDecoder,
) -> None:
    state, log_probs = decoder.begin(FEATURES, FIRST)
    with pytest.raises(ModelError, match=r"decoder\.tflite: cannot be run"):
        decoder.step(state, [10**6], [0])
    np.testing.assert_array_equal(decoder.begin(FEATURES, FIRST)[1], log_probs)


def test_swapped_graphs_are_refused() -> None:
    with pytest.raises(ModelError, match=r"decoder\.tflite: its inputs are .*install the bundle"):
        AttentionDecoder(DECODER, MEMORY, threads=1)
    with pytest.raises(ModelError, match=r"memory\.tflite: its inputs are \['features'\]"):
        AttentionDecoder(MEMORY, MEMORY, threads=1)
