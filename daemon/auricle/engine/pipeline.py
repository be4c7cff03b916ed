"""The way of a sound: frames of the microphone in, events of sessions out.

It joins ring buffer, voice activity, wake word, recogniser, end-pointers and session machine, and
knows no thread, no bus and no device: the service feeds it live, `auricle transcribe` from files.
One thread calls it; a frame of 10 ms costs little, but for the chunk that runs the networks.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from auricle.audio.format import FRAME_SECONDS, SAMPLE_RATE, Frame, Samples
from auricle.audio.level import level_dbfs
from auricle.audio.ring import RingBuffer
from auricle.audio.vad import VoiceActivity
from auricle.biasing.biasing import Biasing
from auricle.context.entries import Context
from auricle.errors import AuricleError
from auricle.events import CancelReason, EndReason, Event, Wake
from auricle.recognizer.endpoint import EndPointer, EndpointState, Verdict, Voicing
from auricle.recognizer.recognizer import Outcome, Recognizer, RecognizerState
from auricle.session import (
    AudioEnded,
    Broken,
    CancelRequested,
    ListenRequested,
    MuteChanged,
    NoSpeech,
    SessionMachine,
    Signal,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    TextChanged,
    WakeHeard,
)
from auricle.wake.detector import WakeDetector

Clock = Callable[[], float]  # seconds of computing

SPEAKING_SECONDS = 0.2  # since VAD heard speech: it goes on, and its text may change at any time

ENDS = {
    Verdict.SILENT: EndReason.SILENCE,
    Verdict.BLANK: EndReason.DECODER,
    Verdict.FAINT: EndReason.SILENCE,
    Verdict.TOO_LONG: EndReason.MAXIMUM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a pipeline is made of."""

    machine: SessionMachine
    recognizer: Recognizer
    end_pointer: EndPointer
    voice: VoiceActivity
    wake: WakeDetector | None  # None: only clients open sessions
    ring_seconds: float = 10.0
    pre_roll_seconds: float = 0.5  # of audio before the wake word, for the recogniser


@dataclass(frozen=True, slots=True)
class _Utterance:
    """What a running session has heard; ends with it."""

    reader: Recognizer  # stays the same, although another may be set for the next
    recognizer: RecognizerState
    end_pointer: EndPointer
    ending: EndpointState
    outcome: Outcome | None = None  # of the last look that made one


class Pipeline:
    """Feed `hear` with every frame; whatever is returned are the events, in order."""

    def __init__(self, parts: Parts, clock: Clock = time.perf_counter) -> None:
        """Join the parts; `clock` counts the seconds of computing by which events come late."""
        self._parts = parts
        self._clock = clock
        self._ring = RingBuffer(parts.ring_seconds)
        self._voice = parts.voice.initial_state()
        self._voiced: deque[Voicing] = deque(maxlen=round(parts.ring_seconds / FRAME_SECONDS))
        self._session = parts.machine.initial_state()
        self._utterance: _Utterance | None = None
        self._frame_came = clock()
        self._biasing: Biasing | None = None
        self._recognizer = parts.recognizer  # of the next session

    @property
    def seconds(self) -> float:
        """How much audio was heard: the audio clock."""
        return self._ring.end / SAMPLE_RATE

    @property
    def running(self) -> str | None:
        """The id of the session that runs."""
        return self._session.running.session if self._session.running else None

    @property
    def wake_scores(self) -> dict[str, float]:
        """What the wake words scored in the last frame; mostly nothing."""
        scores = self._parts.wake.scores if self._parts.wake else ()
        return {score.wake_word: score.score for score in scores}

    def biasing_of(self, context: Context) -> Biasing | None:
        """Return names made ready for `set_biasing`; may be called from any thread."""
        return self._recognizer.biasing_of(context)

    def set_biasing(self, biasing: Biasing | None) -> None:
        """Favour these names from the next session on; the one that runs keeps those it has."""
        self._biasing = biasing

    def set_recognizer(self, recognizer: Recognizer) -> None:
        """Recognise with another one from the next session on; the names must suit it too."""
        self._recognizer = recognizer

    def hear(self, frame: Frame) -> tuple[Event, ...]:
        """Consume one frame, (160,) int16; return what follows from it.

        An error of a part ends the session that runs; it is raised if none does.
        """
        self._frame_came = self._clock()
        self._ring.append(frame)
        self._voice, speech = self._parts.voice.step(self._voice, frame)
        self._voiced.append(Voicing(self._voice.voiced, level_dbfs(frame)))
        events: tuple[Event, ...] = ()
        try:
            # The wake word goes on during a session: it must be in step when the session ends.
            detections = self._parts.wake.step(frame, speech) if self._parts.wake else ()
            if self._utterance is not None:
                events += self._follow(self._utterance, frame)
            for detection in detections[:1]:
                heard = WakeHeard(
                    time=self._now(),
                    wake_word=detection.wake_word,
                    score=detection.score,
                    start=detection.start,
                    end=detection.end,
                )
                events += self._begin(heard, self._parts.end_pointer)
        except AuricleError as error:
            if self._session.running is None:
                raise
            events += self.fail(error)
        return events

    def listen(
        self,
        owner: str = "",
        no_speech_seconds: float | None = None,
        maximum_seconds: float | None = None,
    ) -> tuple[Event, ...]:
        """Begin a session that no wake word opened; its first event is a `Wake`.

        Raises:
            BusyError: a session runs.
            MutedError: the microphone is muted.
        """
        self._frame_came = self._clock()
        options = self._parts.end_pointer.options
        options = replace(
            options,
            no_speech=no_speech_seconds or options.no_speech,
            maximum=maximum_seconds or options.maximum,
        )
        return self._begin(ListenRequested(time=self._now(), owner=owner), EndPointer(options))

    def cancel(self, session: str | None, reason: CancelReason) -> tuple[Event, ...]:
        """End a session, or whichever runs if None; raises NoSuchSessionError."""
        self._frame_came = self._clock()
        return self._signal(CancelRequested(time=self._now(), session=session, reason=reason))

    def set_muted(self, muted: bool) -> tuple[Event, ...]:
        """Mute, which ends the session that runs, or unmute."""
        self._frame_came = self._clock()
        if not muted and self._parts.wake is not None:
            self._parts.wake.reset(self.seconds)  # no wake word is half from before the muting
        return self._signal(MuteChanged(time=self._now(), muted=muted))

    def end_audio(self) -> tuple[Event, ...]:
        """End the session that runs, because no more audio comes, with what was heard."""
        self._frame_came = self._clock()
        if self._utterance is None:
            return self._signal(AudioEnded(time=self._now()))
        reader = self._utterance.reader
        state, _ = reader.look_ahead(self._utterance.recognizer)
        outcome = reader.outcome(state, self._utterance.outcome)
        ended = SpeechEnded(time=self._now(), result=outcome.result, reason=EndReason.AUDIO_ENDED)
        return self._signal(ended)

    def fail(self, error: AuricleError) -> tuple[Event, ...]:
        """End the session that runs, because a part has failed."""
        return self._signal(Broken(time=self._now(), error=error.name, message=str(error)))

    def _now(self) -> float:
        """Return the audio clock, plus the time that this frame's computing has taken so far."""
        return self.seconds + self._clock() - self._frame_came

    def _signal(self, signal: Signal) -> tuple[Event, ...]:
        """Tell the session machine; forget the utterance when the session is over."""
        self._session, events = self._parts.machine.step(self._session, signal)
        if self._session.running is None:
            self._utterance = None
        return events

    def _begin(self, signal: WakeHeard | ListenRequested, ends: EndPointer) -> tuple[Event, ...]:
        """Begin a session and let it hear what was said up to now."""
        events = self._signal(signal)
        wake = next((event for event in events if isinstance(event, Wake)), None)
        if wake is None:
            return events
        oldest = self._ring.start / SAMPLE_RATE
        start = max(oldest, min(wake.start, self.seconds) - self._parts.pre_roll_seconds)
        listen = min(max(wake.end, start), self.seconds)
        ending = ends.initial_state()
        missed = round((self.seconds - listen) / FRAME_SECONDS)
        for voiced in list(self._voiced)[len(self._voiced) - missed :]:
            ending, _ = ends.step(ending, voiced)
        reader = self._recognizer
        recognizer = reader.initial_state(start, listen, self._biasing)
        self._utterance = _Utterance(reader, recognizer, ends, ending)
        samples = self._ring.read(round(start * SAMPLE_RATE), self._ring.end)
        return events + self._recognize(self._utterance, samples)

    def _follow(self, utterance: _Utterance, frame: Frame) -> tuple[Event, ...]:
        """Let the running session hear a frame, and end it if the end-pointers say so."""
        ends = utterance.end_pointer
        ending, look = ends.step(utterance.ending, self._voiced[-1])
        utterance = replace(utterance, ending=ending)
        events: tuple[Event, ...] = ()
        if ending.resumed(ends.options.speculative):
            events += self._signal(SpeechResumed(time=self._now()))
        events += self._recognize(utterance, frame)
        return events + self._look() if look else events

    def _recognize(self, utterance: _Utterance, samples: Samples) -> tuple[Event, ...]:
        reader = utterance.reader
        state, _ = reader.step(utterance.recognizer, samples)
        if utterance.ending.vad_silence < SPEAKING_SECONDS and reader.glance_due(state):
            state = reader.glance(state)
        self._utterance = replace(utterance, recognizer=state)
        return self._signal(TextChanged(time=self._now(), text=state.shown, firm=state.firm))

    def _look(self) -> tuple[Event, ...]:
        """Look ahead, as if the utterance ended now, and act on the end-pointers' verdict."""
        utterance = self._utterance
        if utterance is None:
            return ()
        reader = utterance.reader
        state, known = reader.look_ahead(utterance.recognizer)
        ending, verdict = utterance.end_pointer.judge(utterance.ending, known)
        self._utterance = replace(utterance, ending=ending)
        if verdict is Verdict.GOES_ON:
            return ()
        if verdict is Verdict.NO_SPEECH:
            return self._signal(NoSpeech(time=self._now()))
        outcome = reader.outcome(state, utterance.outcome)
        self._utterance = replace(self._utterance, outcome=outcome)
        if verdict is Verdict.PAUSED:
            paused = SpeechPaused(time=self._now(), result=outcome.result, first=known.text)
            return self._signal(paused)
        ended = SpeechEnded(time=self._now(), result=outcome.result, reason=ENDS[verdict])
        return self._signal(ended)
