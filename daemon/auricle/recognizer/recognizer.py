"""The recogniser: joins features, encoder, beam search and second pass in one stream.

In: 16 kHz mono samples, in chunks of any length. Out: after each chunk the best text so far
(`Progress`); at any moment a `Result` with words, n-best list and lattice.

The encoder takes whole chunks of 640 ms. To avoid waiting for the rest of a chunk at the end of
speech, `look_ahead` pads it with silence and returns a new state: the result as if the utterance
ended now. The caller keeps its own state and continues the stream from there. `glance` does the
same in the middle of a chunk while speech continues, for the partial text.

The second pass reads a limited number of encoder frames. A long utterance is therefore divided
into segments, at a pause where possible. Each finished segment keeps its result; `outcome` joins
them with the current one.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auricle.biasing.biasing import Biasing, BiasingBuilder
from auricle.biasing.context_attention import (
    ListenerState,
    Queries,
    QueryEncoder,
)
from auricle.biasing.shortlist import MOST_ATTENDED, Attended, attended
from auricle.biasing.tagging import spelled, spelled_for_good, with_names
from auricle.context.entries import Context
from auricle.features import (
    BANDS,
    FRAME_SECONDS,
    SILENCE,
    FeatureState,
    LogMel,
    Samples,
)
from auricle.lattice.result import Result
from auricle.recognizer.beam_search import BeamSearch, Progress, SearchState
from auricle.recognizer.encoder import Encoded, Encoder, EncoderState
from auricle.recognizer.partial_text import Best, FirstPassText, PartialOptions, Words
from auricle.recognizer.second_pass import (
    SecondPass,
    SecondPassMode,
    Utterance,
)
from auricle.recognizer.segment import Chunk, Segment, joined

ENCODER_STRIDE = 2  # feature frames (10 ms) per encoder frame (20 ms)
# A segment ends at the first pause after LONG_SECONDS. Earlier cuts may fall within a sentence,
# which the second pass reads less accurately.
LONG_SECONDS = 14.0
PAUSE_SECONDS = 0.5  # time without a token that counts as a pause
PAUSE_BLANK = 0.7  # mean blank probability that a pause needs


@dataclass(frozen=True, slots=True, eq=False)
class RecognizerState:
    """State of one utterance; never changed in place."""

    features: FeatureState
    pending: NDArray[np.float32]  # (feature frames, 80) of the unfinished chunk
    encoder: EncoderState
    conditioning_frames_left: int  # search frames still to be encoded without being searched
    search: SearchState  # of the current segment
    segment_progress: Progress  # best text of the current segment, by the search
    segment: Segment  # input of the second pass for the current segment
    finished_segments: tuple[Result, ...] = ()  # results of the segments before
    silence: float = 0.0  # seconds from their last token to the start of the current segment
    biasing: Biasing | None = None  # names to favour in the whole utterance
    listener: ListenerState | None = None  # state of the query encoder of context attention
    utterance_progress: Progress | None = None  # cached `_progress` of this state
    text: FirstPassText = FirstPassText()  # partial text of the current segment
    glanced: bool = False  # whether `glance` has run since the last chunk
    shown: str = ""  # partial text of the whole utterance
    firm: Words = ()  # its first words, which the first pass no longer changes


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of both passes for an utterance up to one moment."""

    segments: int  # number of finished segments
    first: Result  # first-pass result of the current segment, without names
    result: Result  # result of the whole utterance

    def is_current(self, segments: int, first: Result) -> bool:
        """Return whether the first pass has found no other word or segment since."""
        before, now = ([(word.word, word.start) for word in result.words]
                       for result in (self.first, first))  # fmt: skip
        return self.segments == segments and before == now


class Recognizer:
    """Follows `auricle.streaming.Streaming`: State is RecognizerState, Output is Progress."""

    def __init__(
        self,
        encoder: Encoder,
        search: BeamSearch,
        frame: int,
        second: SecondPass | None = None,
        names: BiasingBuilder | None = None,
        listener: QueryEncoder | None = None,
        partials: PartialOptions | None = None,
    ) -> None:
        """Join the parts.

        Args:
            encoder: encoder of the first pass.
            search: beam search of the first pass.
            frame: feature frames (10 ms) per search frame.
            second: second pass; None for a first pass alone.
            names: prepares the names of a context; None: names are not favoured.
            listener: query encoder of context attention; None: no context attention.
            partials: when a word is shown in the partial text, and when it is firm.
        """
        self._log_mel = LogMel()
        self._encoder = encoder
        self._search = search
        self._frame = frame
        self._stack = frame // ENCODER_STRIDE  # encoder frames per search frame
        self.second_pass = second
        self._names = names
        self._listener = listener
        self._partials = partials or PartialOptions()

    def limited(
        self, beam: int, mode: SecondPassMode, second_beam: int, *, glances: bool = True
    ) -> Recognizer:
        """Return a recogniser with the same networks and another computing cost.

        This is cheap: nothing is loaded. It cannot add a second pass that was not loaded. An
        utterance must end with the recogniser that it began with.

        Args:
            beam: hypotheses of the first pass.
            mode: what the second pass may do.
            second_beam: hypotheses of the second pass.
            glances: False turns off `glance`; True keeps the setting.
        """
        second = self.second_pass
        if second is not None:
            second = None if mode is SecondPassMode.OFF else second.limited(mode, second_beam)
        search = self._search.narrowed(beam)
        return Recognizer(
            self._encoder,
            search,
            self._frame,
            second,
            self._names,
            self._listener,
            self._partials if glances else replace(self._partials, glance_seconds=None),
        )

    def with_partials(self, options: PartialOptions) -> Recognizer:
        """Return a recogniser with the same networks and other options of the partial text."""
        other = copy(self)
        other._partials = options
        return other

    def biasing_of(self, context: Context) -> Biasing | None:
        """Return the names of a context as `initial_state` takes them; None without names.

        Takes about a second for 10,000 names. May be called from any thread.
        """
        return self._names.build(context) if self._names else None

    def prepare_biasing(self, context: Context) -> Iterator[Biasing | None]:
        """Yield what `biasing_of` returns in stages; see `BiasingBuilder.prepare`."""
        return self._names.prepare(context) if self._names else iter((None,))

    def initial_state(
        self, start: float = 0.0, listen: float | None = None, biasing: Biasing | None = None
    ) -> RecognizerState:
        """Return the state before the first sample.

        Args:
            start: time of the first sample, in seconds on the audio clock.
            listen: time at which the search begins, in seconds on the audio clock. Audio before
                it (the wake word) only conditions the encoder. None: `start`.
            biasing: names to favour in this utterance, from `biasing_of`.
        """
        step = self._frame * FRAME_SECONDS
        conditioning_frames = 0 if listen is None else max(0, int((listen - start) / step))
        search = self._search.initial_state(start + conditioning_frames * step, biasing)
        return RecognizerState(
            features=self._log_mel.initial_state(),
            pending=np.zeros((0, BANDS), np.float32),
            encoder=self._encoder.initial_state(),
            conditioning_frames_left=conditioning_frames,
            search=search,
            segment_progress=self._search.progress(search),
            segment=Segment(),
            biasing=biasing,
            listener=self._begin_attending(biasing),
        )

    def step(self, state: RecognizerState, chunk: Samples) -> tuple[RecognizerState, Progress]:
        """Consume (samples,) int16 or float32; return the best text so far."""
        features, frames = self._log_mel.step(state.features, chunk)
        state = replace(state, features=features, pending=np.concatenate([state.pending, frames]))
        while len(state.pending) >= self._encoder.chunk:
            whole = state.pending[: self._encoder.chunk]
            rest = state.pending[self._encoder.chunk :]
            state = self._read(replace(self._advance(state, whole, len(whole)), pending=rest))
            if self.second_pass is not None and self._is_over(state, self.second_pass.frames):
                state = self._close(state)
        return self._with_progress(state)

    def look_ahead(self, state: RecognizerState) -> tuple[RecognizerState, Progress]:
        """Return the state and best text as if only silence followed."""
        count = len(state.pending)
        if count:
            chunk = np.full((self._encoder.chunk, BANDS), SILENCE, np.float32)
            chunk[:count] = state.pending
            state = replace(self._advance(state, chunk, count), pending=state.pending[:0])
        return self._with_progress(state)

    def glance_due(self, state: RecognizerState) -> bool:
        """Return whether the unfinished chunk is long enough for a `glance` and has had none."""
        seconds = self._partials.glance_seconds
        if seconds is None or state.glanced:
            return False
        return len(state.pending) >= round(seconds / FRAME_SECONDS)

    def glance(self, state: RecognizerState) -> RecognizerState:
        """Return the state with the unfinished chunk's words added to `shown`.

        Costs as much as a chunk.
        """
        ahead, _ = self.look_ahead(state)
        text = state.text.glance(self._best(ahead), self._partials)
        return replace(state, glanced=True, text=text, shown=_utterance_text(state, text.shown))

    def result(self, state: RecognizerState) -> Result:
        """Return words, n-best list and lattice of the utterance so far."""
        return self.outcome(state).result

    def outcome(self, state: RecognizerState, before: Outcome | None = None) -> Outcome:
        """Return the result of both passes for the utterance so far.

        Args:
            state: state after the last chunk.
            before: outcome of an earlier state of the same utterance. It is returned again if the
                first pass has found no other word since, which saves a run of the second pass.
        """
        first = self._search.result(state.search, named=False)
        segments = len(state.finished_segments)
        if before is not None and before.is_current(segments, first):
            return before
        last = self._refine(state, first)
        return Outcome(segments, first, joined([*state.finished_segments, last], len(first.nbest)))

    def attend(
        self, samples: Samples, biasing: Biasing | None, most: int = MOST_ATTENDED
    ) -> Attended | None:
        """Return the context attention over a whole recording, for inspection.

        Args:
            samples: (n,) int16 or float32, the whole recording.
            biasing: the names.
            most: number of names to return, the most attended first.

        Returns:
            None without context attention or without names.
        """
        if self._listener is None or biasing is None or biasing.keys is None:
            return None
        _, frames = self._log_mel.step(self._log_mel.initial_state(), samples)
        chunk = self._encoder.chunk
        padding = ((0, -len(frames) % chunk), (0, 0))
        padded = np.pad(frames, padding, constant_values=SILENCE)
        encoder, listener, found = self._encoder.initial_state(), self._listener.initial_state(), []
        for first in range(0, len(padded), chunk):
            encoder, encoded = self._encoder.step(encoder, padded[first : first + chunk])
            listener, queries = self._listener.step(listener, encoded.encoded)
            found.append(queries)
        search_frames = -(-len(frames) // self._frame)
        queries = Queries.joined(found).between(0, search_frames)
        return attended(queries, biasing.keys, self._frame * FRAME_SECONDS, most)

    def _refine(self, state: RecognizerState, first: Result) -> Result:
        """Return the result of both passes for the current segment."""
        if self.second_pass is None or not state.segment.chunks:
            return with_names(first, state.biasing)
        names, biasing = state.segment.names, state.biasing
        if biasing is not None and names is not None:
            biasing = biasing.attended(names)
        result = self.second_pass.refine(first, self._utterance(state), biasing)
        return with_names(first, state.biasing) if result is first else result

    def second_pass_input(self, state: RecognizerState) -> tuple[Result, Utterance] | None:
        """Return the input of the second pass; None before the first search frame."""
        if not state.segment.chunks:
            return None
        return self._search.result(state.search, named=False), self._utterance(state)

    def _utterance(self, state: RecognizerState) -> Utterance:
        """Return the current segment as input of the second pass."""
        return Utterance(
            features=state.segment.features,
            first=state.segment.skipped * self._stack,
            log_probs=state.segment.ctc,
            start=state.search.start_time,
            frame_seconds=self._frame * FRAME_SECONDS,
        )

    def _is_over(self, state: RecognizerState, most: int) -> bool:
        """Return whether the current segment ends here.

        Args:
            state: state after a chunk.
            most: encoder frames that the second pass can read.
        """
        count = state.search.frames
        if (count + self._encoder.frames[0]) * self._stack > most:
            return True
        if count * self._frame * FRAME_SECONDS < LONG_SECONDS:
            return False
        progress = state.segment_progress
        paused = progress.trailing_seconds >= PAUSE_SECONDS and progress.blank >= PAUSE_BLANK
        return bool(progress.text) and paused

    def _close(self, state: RecognizerState) -> RecognizerState:
        """End the current segment and begin the next."""
        result = self._refine(state, self._search.result(state.search, named=False))
        progress = self._progress(state)
        seconds = state.search.frames * self._frame * FRAME_SECONDS
        search = self._search.initial_state(state.search.start_time + seconds, state.biasing)
        finished = state.finished_segments
        return replace(
            state,
            search=search,
            segment_progress=self._search.progress(search),
            segment=Segment(),
            finished_segments=(*finished, result) if result.text else finished,
            silence=progress.trailing_seconds,
            utterance_progress=None,
            text=FirstPassText(),
        )

    def _read(self, state: RecognizerState) -> RecognizerState:
        """Return the state after a chunk with its partial text brought up to date."""
        best, shared = self._best(state), self._search.settled(state.search)
        text = state.text.follow(best, shared, self._partials)
        return replace(
            state,
            text=text,
            glanced=False,
            shown=_utterance_text(state, text.shown),
            firm=_utterance_firm(state, text.words[: text.firm]),
        )

    def _best(self, state: RecognizerState) -> Best:
        """Return the best words of the current segment."""
        progress = state.segment_progress
        seconds = state.search.frames * self._frame * FRAME_SECONDS
        return Best(tuple(progress.text.split()), progress.trailing_seconds, seconds)

    def _with_progress(self, state: RecognizerState) -> tuple[RecognizerState, Progress]:
        """Return the state and the best text so far, computed once per chunk."""
        progress = state.utterance_progress or self._progress(state)
        return replace(state, utterance_progress=progress), progress

    def _progress(self, state: RecognizerState) -> Progress:
        """Return the best text so far, of all segments."""
        progress = state.segment_progress
        if state.biasing is not None:
            progress = replace(progress, text=spelled(progress.text, state.biasing))
        if not state.finished_segments:
            return progress
        texts = [result.text for result in state.finished_segments]
        if progress.text:
            texts.append(progress.text)
        silence = 0.0 if progress.text else state.silence
        trailing = silence + progress.trailing_seconds
        return replace(progress, text=" ".join(texts), trailing_seconds=trailing)

    def _advance(
        self, state: RecognizerState, chunk: NDArray[np.float32], real: int
    ) -> RecognizerState:
        """Encode and search one chunk.

        Args:
            state: state before the chunk.
            chunk: (chunk, 80) feature frames.
            real: feature frames of the chunk that are audio; the rest is padding.
        """
        encoder, encoded = self._encoder.step(state.encoder, chunk)
        count = -(-real // self._frame)
        skipped = min(state.conditioning_frames_left, count)
        frames, ctc = encoded.frames[skipped:count], encoded.ctc[skipped:count]
        search, progress = self._search.step(state.search, frames, ctc)
        listener, names = self._attend(state, encoded, skipped, skipped + len(frames))
        segment = state.segment
        if self.second_pass is not None and len(frames):
            segment = segment.take(Chunk(chunk[:real], ctc, names), skipped)
        return replace(
            state,
            encoder=encoder,
            search=search,
            segment_progress=progress,
            segment=segment,
            conditioning_frames_left=state.conditioning_frames_left - skipped,
            listener=listener,
            utterance_progress=None,
        )

    def _begin_attending(self, biasing: Biasing | None) -> ListenerState | None:
        """Return the state of context attention; None if no part of the recogniser needs it."""
        if self._listener is None or self.second_pass is None:
            return None
        return self._listener.initial_state() if biasing is not None and biasing.keys else None

    def _attend(
        self, state: RecognizerState, encoded: Encoded, first: int, last: int
    ) -> tuple[ListenerState | None, NDArray[np.float32] | None]:
        """Return the next state of context attention and each key's best score in a chunk.

        Args:
            state: state before the chunk.
            encoded: the encoded chunk.
            first: first search frame to look at.
            last: search frame to stop before.

        Returns:
            The state, and (keys,) float32 in nats; None for both without names.
        """
        keys = state.biasing.keys if state.biasing is not None else None
        if self._listener is None or state.listener is None or keys is None:
            return None, None
        listener, queries = self._listener.step(state.listener, encoded.encoded)
        return listener, keys.matrix.best(queries.between(first, last))


def _utterance_text(state: RecognizerState, words: Words) -> str:
    """Return the text of all segments; `words` are those of the current one."""
    text = " ".join(words)
    if state.biasing is not None:
        text = spelled(text, state.biasing)
    texts = [result.text for result in state.finished_segments]
    return " ".join([*texts, text] if text else texts)


def _utterance_firm(state: RecognizerState, words: Words) -> Words:
    """Return the firm words of all segments; `words` are those of the current one."""
    if state.biasing is not None:
        words = spelled_for_good(words, state.biasing)
    return (*(word for result in state.finished_segments for word in result.text.split()), *words)
