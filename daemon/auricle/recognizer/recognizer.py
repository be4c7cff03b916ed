"""The recogniser: samples in, text and lattice out; features, encoder and search in one stream.

The encoder takes whole chunks of 640 ms. At the end of speech nobody wants to wait for one, so
`look_ahead` fills the chunk with silence, on a copy of the state, and tells what the result would
be if the utterance ended now; the stream itself goes on undisturbed. While speech goes on, `glance`
does the same in the middle of a chunk, for the text that a reader sees.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auricle.biasing.attended import MOST_ATTENDED, Attended, attended
from auricle.biasing.biasing import Biasing
from auricle.biasing.context_attention import (
    ListenerState,
    Queries,
    QueryEncoder,
)
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

ENCODER_STRIDE = 2  # feature frames (10 ms) to an encoder frame (20 ms)
PAUSE_SECONDS = 0.5  # without a token: where a long utterance may be divided
PAUSE_BLANK = 0.7  # mean probability of blank over them
LONG_SECONDS = 14.0  # from which on it is: what is cut within a sentence is read worse


MakeBiasing = Callable[[Context], Biasing | None]


@dataclass(frozen=True, slots=True, eq=False)
class RecognizerState:
    """All that an utterance has left behind; never changed in place."""

    features: FeatureState
    pending: NDArray[np.float32]  # (frames, 80): features of an unfinished chunk
    encoder: EncoderState
    unheard: int  # search frames still to come that condition the encoder but are not written
    search: SearchState  # of the running phrase
    progress: Progress  # what the search knows of that phrase
    phrase: Segment
    spoken: tuple[Result, ...] = ()  # of the phrases before
    silence: float = 0.0  # seconds since their last token, when the running phrase began
    biasing: Biasing | None = None  # names that the whole utterance is to favour
    listener: ListenerState | None = None  # of attention to them
    known: Progress | None = None  # of its chunks so far; None: not asked for since the last one
    text: FirstPassText = FirstPassText()  # of the running phrase
    glanced: bool = False  # since the last chunk
    shown: str = ""  # words of the whole utterance that a reader sees now
    firm: Words = ()  # words at its beginning that the first pass takes for sure


@dataclass(frozen=True, slots=True)
class Outcome:
    """What both passes make of an utterance up to one moment."""

    phrases: int  # that were over
    first: Result  # the first pass', of the running phrase; it names nothing
    result: Result  # of the whole utterance

    def stands_for(self, phrases: int, first: Result) -> bool:
        """Return whether the first pass has heard no other word since."""
        known, new = ([(word.word, word.start) for word in result.words]
                      for result in (self.first, first))  # fmt: skip
        return self.phrases == phrases and known == new


class Recognizer:
    """Follows `auricle.streaming.Streaming`: State is RecognizerState, Output is Progress."""

    def __init__(
        self,
        encoder: Encoder,
        search: BeamSearch,
        frame: int,
        second: SecondPass | None = None,
        make_biasing: MakeBiasing | None = None,
        listener: QueryEncoder | None = None,
        partials: PartialOptions | None = None,
    ) -> None:
        """Join the parts.

        Args:
            encoder: of both passes.
            search: beam search of the first pass.
            frame: feature frames (10 ms) to a search frame.
            second: the second pass, if there is one.
            make_biasing: makes names ready for both passes; without, none are favoured.
            listener: of attention to names, if there is one.
            partials: when words are shown, and when they are firm.
        """
        self._log_mel = LogMel()
        self._encoder = encoder
        self._search = search
        self._frame = frame
        self._stack = frame // ENCODER_STRIDE  # encoder frames to a search frame
        self.second_pass = second
        self._make_biasing = make_biasing
        self._listener = listener
        self._partials = partials or PartialOptions()

    def limited(
        self, beam: int, mode: SecondPassMode, second_beam: int, *, glances: bool = True
    ) -> Recognizer:
        """Return a recogniser by the same networks that costs something else; that is cheap.

        An utterance stays with the one that it began with. This cannot add a second pass that was
        not loaded.

        Args:
            beam: hypotheses that the first pass keeps.
            mode: what the second pass may do.
            second_beam: hypotheses that the second pass keeps.
            glances: whether to look into unfinished chunks, if that is wanted at all.
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
            self._make_biasing,
            self._listener,
            self._partials if glances else replace(self._partials, glance_seconds=None),
        )

    def with_partials(self, options: PartialOptions) -> Recognizer:
        """Return a recogniser by the same networks that shows and settles words otherwise."""
        other = copy(self)
        other._partials = options
        return other

    def biasing_of(self, context: Context) -> Biasing | None:
        """Return names made ready for `initial_state`; None if there are none to favour.

        For 10,000 names it takes a second or so, and may be called from any thread.
        """
        return self._make_biasing(context) if self._make_biasing else None

    def initial_state(
        self, start: float = 0.0, listen: float | None = None, biasing: Biasing | None = None
    ) -> RecognizerState:
        """Return the state before the first sample.

        Args:
            start: seconds on the audio clock of the first sample.
            listen: seconds at which writing begins; what comes before (the wake word) only
                conditions the encoder. None: at once.
            biasing: names to favour in this utterance, as `biasing_of` makes them.
        """
        step = self._frame * FRAME_SECONDS
        unheard = 0 if listen is None else max(0, int((listen - start) / step))
        search = self._search.initial_state(start + unheard * step, biasing)
        return RecognizerState(
            features=self._log_mel.initial_state(),
            pending=np.zeros((0, BANDS), np.float32),
            encoder=self._encoder.initial_state(),
            unheard=unheard,
            search=search,
            progress=self._search.progress(search),
            phrase=Segment(),
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
        return self._told(state)

    def look_ahead(self, state: RecognizerState) -> tuple[RecognizerState, Progress]:
        """Return where the stream would be if nothing but silence followed."""
        count = len(state.pending)
        if count:
            chunk = np.full((self._encoder.chunk, BANDS), SILENCE, np.float32)
            chunk[:count] = state.pending
            state = replace(self._advance(state, chunk, count), pending=state.pending[:0])
        return self._told(state)

    def glance_due(self, state: RecognizerState) -> bool:
        """Return whether enough of the unfinished chunk is there, and was not yet looked at."""
        seconds = self._partials.glance_seconds
        if seconds is None or state.glanced:
            return False
        return len(state.pending) >= round(seconds / FRAME_SECONDS)

    def glance(self, state: RecognizerState) -> RecognizerState:
        """Return the state with what a look ahead adds to the text that is shown; costs a chunk."""
        ahead, _ = self.look_ahead(state)
        text = state.text.glance(self._best(ahead), self._partials)
        return replace(state, glanced=True, text=text, shown=_told_text(state, text.shown))

    def result(self, state: RecognizerState) -> Result:
        """Return words, n-best and lattice of all that has been searched."""
        return self.outcome(state).result

    def outcome(self, state: RecognizerState, before: Outcome | None = None) -> Outcome:
        """Return what both passes make of all that has been searched.

        Args:
            state: after the last chunk.
            before: of an earlier state of the utterance; its result stands where the first pass
                has heard no other word since: the second costs more than a frame's time.
        """
        first = self._search.result(state.search, named=False)
        phrases = len(state.spoken)
        if before is not None and before.stands_for(phrases, first):
            return before
        last = self._refine(state, first)
        return Outcome(phrases, first, joined([*state.spoken, last], len(first.nbest)))

    def attend(
        self, samples: Samples, biasing: Biasing | None, most: int = MOST_ATTENDED
    ) -> Attended | None:
        """Return which names attention sees in a recording; None without attention or names.

        Args:
            samples: (n,) int16 or float32, from the first to the last.
            biasing: the names.
            most: names to return, the most attended first.
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
        heard = -(-len(frames) // self._frame)
        queries = Queries.joined(found).between(0, heard)
        return attended(queries, biasing.keys, self._frame * FRAME_SECONDS, most)

    def _refine(self, state: RecognizerState, first: Result) -> Result:
        """Return the second pass' result of the running phrase, if there is one."""
        if self.second_pass is None or not state.phrase.chunks:
            return with_names(first, state.biasing)
        names, biasing = state.phrase.names, state.biasing
        if biasing is not None and names is not None:
            biasing = biasing.attended(names)
        result = self.second_pass.refine(first, self._utterance(state), biasing)
        return with_names(first, state.biasing) if result is first else result

    def second_pass_input(self, state: RecognizerState) -> tuple[Result, Utterance] | None:
        """Return what the second pass would judge; None where no frame has been searched."""
        if not state.phrase.chunks:
            return None
        return self._search.result(state.search, named=False), self._utterance(state)

    def _utterance(self, state: RecognizerState) -> Utterance:
        """Return the running phrase as the second pass takes it."""
        return Utterance(
            features=state.phrase.features,
            first=state.phrase.skipped * self._stack,
            log_probs=state.phrase.ctc,
            start=state.search.start_time,
            frame_seconds=self._frame * FRAME_SECONDS,
        )

    def _is_over(self, state: RecognizerState, most: int) -> bool:
        """Return whether a long utterance is to be divided here."""
        count = state.search.frames
        if (count + self._encoder.frames[0]) * self._stack > most:
            return True
        if count * self._frame * FRAME_SECONDS < LONG_SECONDS:
            return False
        known = state.progress
        paused = known.trailing_seconds >= PAUSE_SECONDS and known.blank >= PAUSE_BLANK
        return bool(known.text) and paused

    def _close(self, state: RecognizerState) -> RecognizerState:
        """End the running phrase and begin the next."""
        result = self._refine(state, self._search.result(state.search, named=False))
        known = self._progress(state)
        seconds = state.search.frames * self._frame * FRAME_SECONDS
        search = self._search.initial_state(state.search.start_time + seconds, state.biasing)
        return replace(
            state,
            search=search,
            progress=self._search.progress(search),
            phrase=Segment(),
            spoken=(*state.spoken, result) if result.text else state.spoken,
            silence=known.trailing_seconds,
            known=None,
            text=FirstPassText(),
        )

    def _read(self, state: RecognizerState) -> RecognizerState:
        """Return the state after a chunk with the words that are shown and firm now."""
        best, shared = self._best(state), self._search.settled(state.search)
        text = state.text.follow(best, shared, self._partials)
        return replace(
            state,
            text=text,
            glanced=False,
            shown=_told_text(state, text.shown),
            firm=_told_firm(state, text.words[: text.firm]),
        )

    def _best(self, state: RecognizerState) -> Best:
        """Return the best words of the running phrase."""
        known = state.progress
        seconds = state.search.frames * self._frame * FRAME_SECONDS
        return Best(tuple(known.text.split()), known.trailing_seconds, seconds)

    def _told(self, state: RecognizerState) -> tuple[RecognizerState, Progress]:
        """Return the best text so far; it is made once a chunk, not at every frame of sound."""
        known = state.known or self._progress(state)
        return replace(state, known=known), known

    def _progress(self, state: RecognizerState) -> Progress:
        """Return the best text so far, of all phrases."""
        known = state.progress
        if state.biasing is not None:
            known = replace(known, text=spelled(known.text, state.biasing))
        if not state.spoken:
            return known
        texts = [result.text for result in state.spoken] + [known.text] * bool(known.text)
        silence = 0.0 if known.text else state.silence
        trailing = silence + known.trailing_seconds
        return replace(known, text=" ".join(texts), trailing_seconds=trailing)

    def _advance(
        self, state: RecognizerState, chunk: NDArray[np.float32], heard: int
    ) -> RecognizerState:
        """Encode and search one chunk (chunk, 80), of which `heard` frames are not filling."""
        encoder, encoded = self._encoder.step(state.encoder, chunk)
        count = -(-heard // self._frame)
        skipped = min(state.unheard, count)
        frames, ctc = encoded.frames[skipped:count], encoded.ctc[skipped:count]
        search, progress = self._search.step(state.search, frames, ctc)
        listener, names = self._attend(state, encoded, skipped, skipped + len(frames))
        phrase = state.phrase
        if self.second_pass is not None and len(frames):
            phrase = phrase.take(Chunk(chunk[:heard], ctc, names), skipped)
        return replace(
            state,
            encoder=encoder,
            search=search,
            progress=progress,
            phrase=phrase,
            unheard=state.unheard - skipped,
            listener=listener,
            known=None,
        )

    def _begin_attending(self, biasing: Biasing | None) -> ListenerState | None:
        """Return the state of attention to names, if there are some, and a use for it."""
        if self._listener is None or self.second_pass is None:
            return None
        return self._listener.initial_state() if biasing is not None and biasing.keys else None

    def _attend(
        self, state: RecognizerState, encoded: Encoded, first: int, last: int
    ) -> tuple[ListenerState | None, NDArray[np.float32] | None]:
        """Return the best score of each name in some frames of a chunk, if there are names."""
        keys = state.biasing.keys if state.biasing is not None else None
        if self._listener is None or state.listener is None or keys is None:
            return None, None
        listener, queries = self._listener.step(state.listener, encoded.encoded)
        return listener, queries.between(first, last).best(keys.matrix)


def _told_text(state: RecognizerState, words: Words) -> str:
    """Return the text of all phrases, of which the running one has these words."""
    text = " ".join(words)
    if state.biasing is not None:
        text = spelled(text, state.biasing)
    return " ".join([*(result.text for result in state.spoken), *([text] if text else [])])


def _told_firm(state: RecognizerState, words: Words) -> Words:
    """Return the firm words of all phrases, of which the running one has these."""
    if state.biasing is not None:
        words = spelled_for_good(words, state.biasing)
    return (*(word for result in state.spoken for word in result.text.split()), *words)
