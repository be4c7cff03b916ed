"""The one property of everything that streams: any chunking of the input gives the same output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.audio.file import read_recording
from auricle.bundle.manifest import load_bundle
from auricle.features import LogMel
from auricle.recognizer.beam_search import BeamSearch, SearchOptions
from auricle.recognizer.loading import load_recognizer
from auricle.streaming import Streaming
from auricle.tokenizer import Tokenizer
from auricle.wake.frontend import CHANNELS
from auricle.wake.micro_wake_word import load_wake_word

MODELS = Path(__file__).parents[1] / "models"
RECORDING = Path(__file__).parent / "recordings" / "must_sleep.opus"
Part = Streaming[Any, NDArray[Any], Any]
# The part, its whole input, what of its output is compared, and how much rounding may differ.
Case = tuple[Part, NDArray[Any], Callable[[Any, Sequence[Any]], NDArray[Any]], float]


def joined(state: Any, outputs: Sequence[Any]) -> NDArray[Any]:
    """What comes out piece by piece, in one piece."""
    return np.concatenate(outputs)


def readings(part: Any, state: Any, outputs: Sequence[Any]) -> NDArray[Any]:
    """The scores of the n-best list at the end, with what they are scores of in the order."""
    return np.array([reading.score for reading in part.result(state).nbest])


def features() -> Case:
    return LogMel(), read_recording(RECORDING), joined, 1e-5


def wake_word() -> Case:
    frames = np.random.default_rng(0).uniform(0, 20, (190, CHANNELS)).astype(np.float32)
    word = load_wake_word(MODELS / "wake" / "alexa.json")
    return word, frames[: 189 // word.stride * word.stride], joined, 0.0


def recognizer() -> Case:
    bundle = load_bundle(MODELS / "en-tiny", "recognizer")
    part = load_recognizer(bundle, SearchOptions(beam=4), threads=1)
    return part, read_recording(RECORDING), partial(readings, part), 0.05


class Random:
    """Scores that depend on nothing but the frame and the context."""

    def log_probs(
        self, frame: NDArray[np.float32], contexts: Sequence[tuple[int, int]]
    ) -> NDArray[np.float32]:
        rows = [np.sin(np.arange(9) * (1 + a + 3 * b) + frame[0] * 5) * 2 for a, b in contexts]
        scores = np.array(rows, np.float32)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def search() -> Case:
    pieces = Tokenizer(["<blank>", "▁a", "b", "▁c", "d", "▁e", "f", "▁g", "h"], [0.0] * 9).pieces
    part = BeamSearch(Random(), pieces, SearchOptions(beam=4))
    frames = np.random.default_rng(1).standard_normal((40, 2)).astype(np.float32)
    return part, frames, partial(readings, part), 1e-6


@pytest.mark.parametrize("make", [features, wake_word, search, recognizer])
def test_any_chunking_gives_the_same_output(make: Callable[[], Case]) -> None:
    part, whole, gather, tolerance = make()
    state, output = part.step(part.initial_state(), whole)
    expected = gather(state, [output])

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cuts=st.lists(st.integers(0, len(whole)), max_size=6))
    def check(cuts: list[int]) -> None:
        state, outputs = part.initial_state(), []
        for chunk in np.split(whole, sorted(cuts)):
            before = state
            state, output = part.step(before, chunk)
            outputs.append(output)
        np.testing.assert_allclose(gather(state, outputs), expected, atol=tolerance, rtol=0)

    check()
