"""The two end-pointers: the speculative one (the command seems over) and the final one (it is).

In: for each audio frame (10 ms) VAD's decision and the level; on request, the `Progress` of the
search up to this moment. Out: whether a look at the search is needed, and after a look a `Verdict`.

Two cues are combined, as in Maas et al., "Combining acoustic embeddings and decoding features for
end-of-utterance detection" (ICASSP 2018): silence by VAD, and the time for which the search has
emitted only blank ("decoder silence"). Three situations have no silence by VAD:

- steady noise (music, rain): decoder silence alone decides, after a longer time;
- voices much fainter than the speaker (a television): the level decides, after the same time;
- sound so faint that it can only be the room: it counts as silence, with a delay.

"Frame" in this module means audio frame.
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
    """Thresholds in seconds, except `blank`."""

    speculative: float = defaults.SPECULATIVE_MS / 1000  # silence: the command seems over
    final: float = defaults.FINAL_MS / 1000  # silence: the command is over
    decoder: float = defaults.DECODER_MS / 1000  # decoder silence, though the room is not silent
    no_speech: float = defaults.NO_SPEECH_SECONDS  # the session ends if no word was said
    maximum: float = defaults.MAXIMUM_SECONDS  # longest command
    blank: float = 0.7  # mean blank probability from which the search counts as silent


LOOK_INTERVAL = 0.15  # seconds between looks while a decision is open
FAINT_DECIBELS = 12.0  # a voice this far below the command's loudest frame is another person's
ROOM_DECIBELS = 30.0  # sound this far below the command's loudest frame is the room
ROOM_PATIENCE = 0.5  # seconds that room sound must last longer than silence
SOFT_SPEECH = 0.5  # fraction of `final` for which the search must be silent as well
STILL_TALKING = 2.0  # extra seconds before `no_speech` ends a session while VAD hears speech


@dataclass(frozen=True, slots=True)
class Voicing:
    """VAD's decision and the level of one frame."""

    speech: bool  # VAD's decision, without hang-over
    level: float  # dBFS


class Verdict(Enum):
    """Decision of the end-pointers after a look."""

    GOES_ON = auto()  # the command continues
    PAUSED = auto()  # speculative end-pointer: the command seems over
    SILENT = auto()  # final end-pointer: silence
    FAINT = auto()  # final end-pointer: only voices much fainter than the speaker's
    BLANK = auto()  # final end-pointer: decoder silence alone
    TOO_LONG = auto()  # final end-pointer: longest command reached
    NO_SPEECH = auto()  # no word in time


@dataclass(frozen=True, slots=True)
class EndpointState:
    """State of the end-pointers; times in seconds."""

    seconds: float = 0.0  # since the moment from which the command may begin
    vad_silence: float = 0.0  # since the last frame with speech by VAD
    decoder_silence: float = 0.0  # since the last token of the search, by the latest look
    near_voice_silence: float = 0.0  # since the last speech nearly as loud as the loudest
    above_room_silence: float = 0.0  # since the last speech louder than the room
    loudest: float = -math.inf  # dBFS of the loudest frame with speech
    since_look: float = 0.0  # since the latest look
    has_speech: bool = False  # whether VAD has found speech
    looks: int = 0  # number of thresholds that silence had passed at the latest look


class EndPointer:
    """Follows `auricle.streaming.Streaming`; when `step` requests a look, call `judge`."""

    def __init__(self, options: EndpointOptions) -> None:
        self.options = options

    def initial_state(self) -> EndpointState:
        """Return the state at the moment from which the command may begin."""
        return EndpointState()

    def step(self, state: EndpointState, frame: Voicing) -> tuple[EndpointState, bool]:
        """Consume one frame; return whether a look at the search is needed.

        A look costs a run of the encoder. It is requested only when it may decide: when silence
        passes a threshold, and every `LOOK_INTERVAL` while a decision is open.
        """
        speech = frame.speech
        loudest = max(state.loudest, frame.level) if speech else state.loudest
        near = speech and frame.level >= loudest - FAINT_DECIBELS
        more = speech and frame.level >= loudest - ROOM_DECIBELS
        state = EndpointState(
            seconds=state.seconds + FRAME_SECONDS,
            vad_silence=0.0 if speech else state.vad_silence + FRAME_SECONDS,
            decoder_silence=state.decoder_silence + FRAME_SECONDS,
            near_voice_silence=0.0 if near else state.near_voice_silence + FRAME_SECONDS,
            above_room_silence=0.0 if more else state.above_room_silence + FRAME_SECONDS,
            loudest=loudest,
            since_look=state.since_look + FRAME_SECONDS,
            has_speech=state.has_speech or speech,
            looks=0 if more else state.looks,
        )
        options = self.options
        late = _reached(state.seconds, min(options.no_speech, options.maximum))
        blank = self._seems_over(state.decoder_silence)
        pausing = self._passed(state) > 0 or self._seems_over(state.near_voice_silence)
        open_ = late or blank or (state.has_speech and pausing)
        due = state.has_speech and state.looks < self._passed(state)
        return state, open_ and (due or _reached(state.since_look, LOOK_INTERVAL))

    def judge(self, state: EndpointState, known: Progress) -> tuple[EndpointState, Verdict]:
        """Return the verdict, given the best text of the search up to this frame."""
        looked = replace(
            state,
            since_look=0.0,
            decoder_silence=known.trailing_seconds if known.text else 0.0,
            looks=self._passed(state),
        )
        return looked, self._verdict(state, known)

    def _passed(self, state: EndpointState) -> int:
        """Return the number of thresholds that silence has passed."""
        thresholds = (self.options.speculative, self.options.final)
        return sum(_reached(_silence(state), threshold) for threshold in thresholds)

    def _seems_over(self, seconds: float) -> bool:
        """Return whether decoder silence or near-voice silence makes the command seem over.

        The threshold precedes `decoder` by as much as `speculative` precedes `final`.
        """
        ahead = self.options.final - self.options.speculative
        return _reached(seconds, self.options.decoder - ahead)

    def _verdict(self, state: EndpointState, known: Progress) -> Verdict:
        """Return the first verdict that applies, the final ones before PAUSED."""
        options = self.options
        if not known.text:
            talking = state.vad_silence < options.final
            patience = options.no_speech + (STILL_TALKING if talking else 0.0)
            over = _reached(state.seconds, min(patience, options.maximum))
            return Verdict.NO_SPEECH if over else Verdict.GOES_ON
        blank = known.trailing_seconds if known.blank >= options.blank else 0.0
        silent = _reached(_silence(state), options.final) and blank >= options.final * SOFT_SPEECH
        longest = max(blank, state.near_voice_silence)
        paused = _reached(_silence(state), options.speculative) or self._seems_over(longest)
        verdicts = {
            Verdict.SILENT: silent,
            Verdict.BLANK: _reached(blank, options.decoder),
            Verdict.FAINT: _reached(state.near_voice_silence, options.decoder),
            Verdict.TOO_LONG: _reached(state.seconds, options.maximum),
            Verdict.PAUSED: paused,
        }
        return next((verdict for verdict, so in verdicts.items() if so), Verdict.GOES_ON)


def _silence(state: EndpointState) -> float:
    """Return the seconds of silence by VAD, or by level with a delay of `ROOM_PATIENCE`."""
    return max(state.vad_silence, state.above_room_silence - ROOM_PATIENCE)


def _reached(seconds: float, threshold: float) -> bool:
    """Return whether a sum of frame lengths has reached a threshold, despite rounding."""
    return seconds >= threshold - FRAME_SECONDS / 2
