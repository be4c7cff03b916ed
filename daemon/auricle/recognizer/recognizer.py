"""The recogniser: samples in, text and lattice out; features, encoder and search in one stream.

The encoder takes whole chunks of 640 ms. At the end of speech nobody wants to wait for one, so
`look_ahead` fills the chunk with silence, on a copy of the state, and tells what the result would
be if the utterance ended now; the stream itself goes on undisturbed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auricle.bundle.manifest import Bundle
from auricle.errors import ModelError
from auricle.features import (
    BANDS,
    DEFINITION,
    FRAME_SECONDS,
    SILENCE,
    FeatureState,
    LogMel,
    Samples,
)
from auricle.recognizer.networks import Encoder, EncoderState, TransducerScorer
from auricle.recognizer.result import Result
from auricle.recognizer.search import BeamSearch, Progress, SearchOptions, SearchState
from auricle.recognizer.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class RecognizerState:
    """All that an utterance has left behind; never changed in place."""

    features: FeatureState
    pending: NDArray[np.float32]  # (frames, 80): features of an unfinished chunk
    encoder: EncoderState
    unheard: int  # encoder frames still to come that condition the encoder but are not written
    search: SearchState


class Recognizer:
    """Follows `auricle.streaming.Streaming`: State is RecognizerState, Output is Progress."""

    def __init__(
        self, encoder: Encoder, scorer: TransducerScorer, search: BeamSearch, frame: int
    ) -> None:
        """Join the parts; `frame` is how many feature frames make one of the search."""
        self._log_mel = LogMel()
        self._encoder = encoder
        self._scorer = scorer
        self._search = search
        self._frame = frame

    def initial_state(self, start: float = 0.0, listen: float | None = None) -> RecognizerState:
        """Return the state before the first sample.

        Args:
            start: seconds on the audio clock of the first sample.
            listen: seconds at which writing begins; what comes before (the wake word) only
                conditions the encoder. None: at once.
        """
        step = self._frame * FRAME_SECONDS
        unheard = 0 if listen is None else max(0, int((listen - start) / step))
        return RecognizerState(
            features=self._log_mel.initial_state(),
            pending=np.zeros((0, BANDS), np.float32),
            encoder=self._encoder.initial_state(),
            unheard=unheard,
            search=self._search.initial_state(start + unheard * step),
        )

    def step(self, state: RecognizerState, chunk: Samples) -> tuple[RecognizerState, Progress]:
        """Consume (samples,) int16 or float32; return the best text so far."""
        features, frames = self._log_mel.step(state.features, chunk)
        state = replace(state, features=features, pending=np.concatenate([state.pending, frames]))
        while len(state.pending) >= self._encoder.chunk:
            whole = state.pending[: self._encoder.chunk]
            rest = state.pending[self._encoder.chunk :]
            state = replace(self._advance(state, whole, len(whole)), pending=rest)
        return state, self._search.progress(state.search)

    def look_ahead(self, state: RecognizerState) -> tuple[RecognizerState, Progress]:
        """Return where the stream would be if nothing but silence followed."""
        count = len(state.pending)
        if count:
            chunk = np.full((self._encoder.chunk, BANDS), SILENCE, np.float32)
            chunk[:count] = state.pending
            state = replace(self._advance(state, chunk, count), pending=state.pending[:0])
        return state, self._search.progress(state.search)

    def result(self, state: RecognizerState) -> Result:
        """Return words, n-best and lattice of all that has been searched."""
        return self._search.result(state.search)

    def _advance(
        self, state: RecognizerState, chunk: NDArray[np.float32], heard: int
    ) -> RecognizerState:
        """Encode and search one chunk (chunk, 80), of which `heard` frames are not filling."""
        encoder, frames = self._encoder.step(state.encoder, chunk)
        frames = frames[: -(-heard // self._frame)]
        skipped = min(state.unheard, len(frames))
        search, _ = self._search.step(state.search, frames[skipped:])
        return replace(state, encoder=encoder, search=search, unheard=state.unheard - skipped)


def load_recognizer(
    bundle: Bundle, options: SearchOptions, threads: int, runtime: str = "auto"
) -> Recognizer:
    """Load the networks of a bundle.

    Args:
        bundle: of kind "recognizer".
        options: of the search; `frame_seconds` is taken from the bundle.
        threads: how many threads one run of a network may take.
        runtime: see `auricle.tflite.load_interpreter`.

    Raises:
        ModelError: a network is damaged, the parts do not fit each other, or the bundle was made
            for other features.
    """
    frame = _whole(bundle, "frame_features")
    _check(bundle, "features", DEFINITION)
    tokenizer = Tokenizer.load(bundle.path("tokens.txt"))
    encoder = Encoder(bundle.path("encoder.tflite"), threads, runtime)
    scorer = TransducerScorer(
        bundle.path("predictor.tflite"), bundle.path("joint.tflite"), threads, runtime
    )
    _check(bundle, "chunk_features", encoder.chunk)
    expected = (encoder.chunk // frame, scorer.width)
    if encoder.frames != expected or scorer.vocabulary != len(tokenizer):
        raise ModelError(
            f"{bundle.folder}: encoder gives {encoder.frames}, not {expected}, and joint knows "
            f"{scorer.vocabulary} tokens of {len(tokenizer)}: its files do not fit each other; "
            "install the bundle again"
        )
    _try(encoder, scorer)
    options = replace(options, frame_seconds=frame * FRAME_SECONDS)
    return Recognizer(encoder, scorer, BeamSearch(scorer, tokenizer.pieces, options), frame)


def _try(encoder: Encoder, scorer: TransducerScorer) -> None:
    """Run each network once, so that one that cannot run is told of now, not at a command."""
    encoder.step(encoder.initial_state(), np.full((encoder.chunk, BANDS), SILENCE, np.float32))
    last = scorer.vocabulary - 1
    scorer.log_probs(np.zeros(scorer.width, np.float32), [(0, 0), (last, last)])


def _check(bundle: Bundle, key: str, expected: str | int) -> None:
    """Raise ModelError for a setting that is not what this Auricle computes with."""
    value = bundle.settings.get(key)
    if value != expected:
        raise ModelError(
            f"{bundle.folder / 'manifest.yaml'}: settings.{key}: {value!r} is not {expected!r}; "
            "install a bundle that was made for this Auricle"
        )


def _whole(bundle: Bundle, key: str) -> int:
    value = bundle.settings.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(
            f"{bundle.folder / 'manifest.yaml'}: settings.{key}: {value!r} is not a whole number "
            "above 0; install the bundle again"
        )
    return value
