"""The two end-pointers: when a command seems over, and when it is.

In: for each 10 ms whether VAD hears speech and how loud it is; when the end-pointers ask for it,
what the search knows up to this moment. Out: whether to look, and a verdict. Two signs count
together, as in Maas et al., "Combining acoustic embeddings and decoding features for
end-of-utterance detection" (ICASSP 2018): silence by VAD, and the time that the search has seen
nothing but blank. In a room that is never silent (music, rain) the second alone decides, after a
longer time; where voices go on that are much fainter than the command (a television), their level,
and sooner where that is so low that it can only be the room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

from auricle import defaults
from auricle.audio.format import FRAME_SECONDS
from auricle.recognizer.beam_search import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """Thresholds, in seconds but for `blank`."""

    speculative: float = defaults.SPECULATIVE_MS / 1000  # silence: the command seems complete
    final: float = defaults.FINAL_MS / 1000  # silence: the command is complete
    # nothing but blank, though the room is not silent: the command is complete
    decoder: float = defaults.DECODER_MS / 1000
    no_speech: float = defaults.NO_SPEECH_SECONDS  # nothing was said since the beginning
    maximum: float = defaults.MAXIMUM_SECONDS  # longest command
    blank: float = 0.7  # mean blank probability that counts as nothing but blank


LOOK_INTERVAL = 0.15  # seconds between looks while a decision is open
RESUMED_SPEECH = 0.15  # seconds of unbroken speech after a pause: the command goes on
FAINT_DECIBELS = 12.0  # so far below the loudest of the command, a voice is somebody else's
ROOM_DECIBELS = 30.0  # and so far below it, what VAD takes for speech is the room,
ROOM_PATIENCE = 0.5  # if it lasts so many seconds longer than silence would have to
SOFT_SPEECH = 0.5  # part of `final` for which the search too must have seen no token
STILL_TALKING = 2.0  # seconds that someone who has just begun to speak is waited for


@dataclass(frozen=True, slots=True)
class Voicing:
    """What 10 ms sound like."""

    speech: bool  # VAD's decision, without hang-over
    level: float  # dBFS


class Verdict(Enum):
    """What the end-pointers say of a look."""

    GOES_ON = auto()
    PAUSED = auto()  # the speculative end-pointer: the command seems over
    SILENT = auto()  # the final one, by silence
    FAINT = auto()  # the final one: only voices much fainter than the command's go on
    BLANK = auto()  # the final one, by the search alone
    TOO_LONG = auto()  # the final one, by the longest command
    NO_SPEECH = auto()  # nothing was said


@dataclass(frozen=True, slots=True)
class EndpointState:
    """What the end-pointers remember; in seconds, but for `loudest`, `spoken` and `looks`."""

    seconds: float = 0.0  # since the command may begin
    silence: float = 0.0  # since VAD last heard speech
    speech: float = 0.0  # that VAD has heard without a break
    pause: float = 0.0  # the silence before that
    quiet: float = 0.0  # since the search last saw a token, by the latest look
    faint: float = 0.0  # since VAD last heard a voice about as loud as the loudest
    hush: float = 0.0  # since VAD last heard a voice that is more than the room
    loudest: float = -math.inf  # dBFS of the loudest voiced frame
    since_look: float = 0.0
    spoken: bool = False  # VAD has heard speech
    looks: int = 0  # thresholds of silence at which the search was looked at

    def resumed(self, speculative: float) -> bool:
        """Return whether at this very frame speech has gone on after a speculative pause."""
        before = self.speech - FRAME_SECONDS
        now = _reached(self.speech, RESUMED_SPEECH) and not _reached(before, RESUMED_SPEECH)
        return now and _reached(self.pause, speculative)


class EndPointer:
    """Follows `auricle.streaming.Streaming`; `judge` answers the looks that `step` asks for."""

    def __init__(self, options: EndpointOptions) -> None:
        self.options = options

    def initial_state(self) -> EndpointState:
        """Return the state at the moment from which a command may begin."""
        return EndpointState()

    def step(self, state: EndpointState, frame: Voicing) -> tuple[EndpointState, bool]:
        """Consume one frame of 10 ms; return whether to look at what the search knows.

        A look costs a run of the encoder, so it is asked for only where it may decide: right at
        each threshold of silence, and at intervals while a decision is open.
        """
        speech = frame.speech
        loudest = max(state.loudest, frame.level) if speech else state.loudest
        near = speech and frame.level >= loudest - FAINT_DECIBELS
        more = speech and frame.level >= loudest - ROOM_DECIBELS
        state = EndpointState(
            seconds=state.seconds + FRAME_SECONDS,
            silence=0.0 if speech else state.silence + FRAME_SECONDS,
            speech=state.speech + FRAME_SECONDS if speech else 0.0,
            pause=state.pause if speech and state.speech else state.silence,
            quiet=state.quiet + FRAME_SECONDS,
            faint=0.0 if near else state.faint + FRAME_SECONDS,
            hush=0.0 if more else state.hush + FRAME_SECONDS,
            loudest=loudest,
            since_look=state.since_look + FRAME_SECONDS,
            spoken=state.spoken or speech,
            looks=0 if more else state.looks,
        )
        options = self.options
        late = _reached(state.seconds, min(options.no_speech, options.maximum))
        blank = self._blank_enough(state.quiet)
        pausing = self._passed(state) > 0 or self._blank_enough(state.faint)
        open_ = late or blank or (state.spoken and pausing)
        due = state.spoken and state.looks < self._passed(state)
        return state, open_ and (due or _reached(state.since_look, LOOK_INTERVAL))

    def judge(self, state: EndpointState, known: Progress) -> tuple[EndpointState, Verdict]:
        """Return the verdict on what the search knows up to this frame."""
        quiet = known.trailing_seconds if known.text else 0.0
        looked = replace(state, since_look=0.0, quiet=quiet, looks=self._passed(state))
        return looked, self._verdict(state, known)

    def _passed(self, state: EndpointState) -> int:
        """Return how many thresholds the silence has passed."""
        thresholds = (self.options.speculative, self.options.final)
        return sum(_reached(_silence(state), threshold) for threshold in thresholds)

    def _blank_enough(self, blank: float) -> bool:
        """Return whether the search alone would speculate; as far ahead as silence does."""
        ahead = self.options.final - self.options.speculative
        return _reached(blank, self.options.decoder - ahead)

    def _verdict(self, state: EndpointState, known: Progress) -> Verdict:
        options = self.options
        if not known.text:
            talking = state.silence < options.final
            patience = options.no_speech + (STILL_TALKING if talking else 0.0)
            over = _reached(state.seconds, min(patience, options.maximum))
            return Verdict.NO_SPEECH if over else Verdict.GOES_ON
        blank = known.trailing_seconds if known.blank >= options.blank else 0.0
        silent = _reached(_silence(state), options.final) and blank >= options.final * SOFT_SPEECH
        longest = max(blank, state.faint)
        paused = _reached(_silence(state), options.speculative) or self._blank_enough(longest)
        verdicts = {
            Verdict.SILENT: silent,
            Verdict.BLANK: _reached(blank, options.decoder),
            Verdict.FAINT: _reached(state.faint, options.decoder),
            Verdict.TOO_LONG: _reached(state.seconds, options.maximum),
            Verdict.PAUSED: paused,
        }
        return next((verdict for verdict, so in verdicts.items() if so), Verdict.GOES_ON)


def _silence(state: EndpointState) -> float:
    """Return the seconds of silence, by VAD or, less sure and so counted later, by level."""
    return max(state.silence, state.hush - ROOM_PATIENCE)


def _reached(seconds: float, threshold: float) -> bool:
    """Return whether a sum of frames has reached a threshold, rounding aside."""
    return seconds >= threshold - FRAME_SECONDS / 2
