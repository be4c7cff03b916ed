"""The audio pipeline: takes audio frames of 10 ms and returns the events of sessions.

It joins the ring buffer, voice activity detection, wake-word detector, recogniser, end-pointer and
session machine. It has no threads and uses neither D-Bus nor audio devices: the inference thread
feeds it from the microphone, `auricle transcribe` from files. Only one thread may call it. Most
frames are cheap; the frame that completes a chunk runs the networks.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
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
    TextChanged,
    WakeHeard,
)
from auricle.wake.detector import WakeDetector

Clock = Callable[[], float]  # seconds

# Less silence than this counts as ongoing speech, for which a preview of the text is computed.
SPEAKING_SECONDS = 0.2

ENDS = {
    Verdict.SILENT: EndReason.SILENCE,
    Verdict.BLANK: EndReason.DECODER,
    Verdict.FAINT: EndReason.SILENCE,
    Verdict.TOO_LONG: EndReason.MAXIMUM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a pipeline."""

    machine: SessionMachine
    recognizer: Recognizer
    end_pointer: EndPointer
    voice: VoiceActivity
    wake: WakeDetector | None  # None: only clients begin sessions
    ring_seconds: float = 10.0
    pre_roll_seconds: float = 0.5  # audio before the wake word that the recogniser gets


@dataclass(frozen=True, slots=True)
class _Utterance:
    """The state of a running session."""

    recognizer: Recognizer  # stays the same when `set_recognizer` is called during the session
    state: RecognizerState
    end_pointer: EndPointer
    ending: EndpointState
    outcome: Outcome | None = None  # of the last look-ahead that computed one


class Pipeline:
    """Call `process` with every frame. Every method returns the events that it causes, in order."""

    def __init__(self, parts: Parts, clock: Clock = time.perf_counter) -> None:
        """Join the parts; `clock` measures the compute time that is added to the time of events."""
        self._parts = parts
        self._clock = clock
        self._ring = RingBuffer(parts.ring_seconds)
        self._voice = parts.voice.initial_state()
        self._voiced: deque[Voicing] = deque(maxlen=round(parts.ring_seconds / FRAME_SECONDS))
        self._session = parts.machine.initial_state()
        self._utterance: _Utterance | None = None
        self._frame_arrived = clock()
        self._biasing: Biasing | None = None
        self._recognizer = parts.recognizer  # for the next session
        self._late = False  # whether more audio waits

    @property
    def seconds(self) -> float:
        """Seconds of audio processed so far: the audio clock."""
        return self._ring.end / SAMPLE_RATE

    @property
    def running(self) -> str | None:
        """The id of the running session, or None; may be read from any thread."""
        running = self._session.running  # read once: the inference thread may end the session
        return running.session if running else None

    @property
    def wake_scores(self) -> dict[str, float]:
        """Scores of the wake words in the last frame; empty for a frame that ran no network."""
        scores = self._parts.wake.scores if self._parts.wake else ()
        return {score.wake_word: score.score for score in scores}

    def prepare_biasing(self, context: Context) -> Iterator[Biasing | None]:
        """Compile a context for `set_biasing` in stages, each at least as good as the one before.

        May be called from any thread.
        """
        return self._recognizer.prepare_biasing(context)

    def set_biasing(self, biasing: Biasing | None) -> None:
        """Bias towards these entries from the next session on."""
        self._biasing = biasing

    def set_recognizer(self, recognizer: Recognizer) -> None:
        """Use another recogniser from the next session on; the biasing must fit it too."""
        self._recognizer = recognizer

    def process(self, frame: Frame, *, late: bool = False) -> tuple[Event, ...]:
        """Process one audio frame, (160,) int16.

        An error of a part ends the running session. Without a session it is raised.

        Args:
            frame: the audio frame.
            late: whether more audio waits; then there is no time for previews of the text.
        """
        self._late = late
        self._frame_arrived = self._clock()
        self._ring.append(frame)
        self._voice, speech = self._parts.voice.step(self._voice, frame)
        self._voiced.append(Voicing(self._voice.voiced, level_dbfs(frame)))
        events: tuple[Event, ...] = ()
        try:
            # The detector also runs during a session, so that its features have no gap afterwards.
            detections = self._parts.wake.step(frame, speech) if self._parts.wake else ()
            if self._utterance is not None:
                events += self._follow(self._utterance, frame)
            for detection in detections[:1]:
                wake = WakeHeard(
                    time=self._now(),
                    wake_word=detection.wake_word,
                    score=detection.score,
                    start=detection.start,
                    end=detection.end,
                )
                events += self._begin(wake, self._parts.end_pointer)
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
        """Begin a session without a wake word; the first event is a `Wake`.

        Args:
            owner: the client that asks.
            no_speech_seconds: end after this long without speech; None: as configured.
            maximum_seconds: longest command; None: as configured.

        Raises:
            BusyError: a session is running.
            MutedError: the microphone is muted.
        """
        self._frame_arrived = self._clock()
        options = self._parts.end_pointer.options
        options = replace(
            options,
            no_speech=no_speech_seconds or options.no_speech,
            maximum=maximum_seconds or options.maximum,
        )
        return self._begin(ListenRequested(time=self._now(), owner=owner), EndPointer(options))

    def cancel(self, session: str | None, reason: CancelReason) -> tuple[Event, ...]:
        """Cancel a session; None cancels the running one.

        Raises:
            NoSuchSessionError: the session is not running.
        """
        self._frame_arrived = self._clock()
        return self._signal(CancelRequested(time=self._now(), session=session, reason=reason))

    def set_muted(self, muted: bool) -> tuple[Event, ...]:
        """Mute or unmute; muting cancels the running session."""
        self._frame_arrived = self._clock()
        if not muted and self._parts.wake is not None:
            self._parts.wake.reset(self.seconds)  # forget the audio before muting
        return self._signal(MuteChanged(time=self._now(), muted=muted))

    def end_audio(self) -> tuple[Event, ...]:
        """End the running session with its result so far, because the audio has ended."""
        self._frame_arrived = self._clock()
        if self._utterance is None:
            return self._signal(AudioEnded(time=self._now()))
        recognizer = self._utterance.recognizer
        state, _ = recognizer.look_ahead(self._utterance.state)
        outcome = recognizer.outcome(state, self._utterance.outcome)
        ended = SpeechEnded(time=self._now(), result=outcome.result, reason=EndReason.AUDIO_ENDED)
        return self._signal(ended)

    def fail(self, error: AuricleError) -> tuple[Event, ...]:
        """End the running session, because a part has failed."""
        return self._signal(Broken(time=self._now(), error=error.name, message=str(error)))

    def _now(self) -> float:
        """Return the audio clock plus the compute time spent on the current frame."""
        return self.seconds + self._clock() - self._frame_arrived

    def _signal(self, signal: Signal) -> tuple[Event, ...]:
        """Step the session machine; drop the utterance when the session has ended."""
        self._session, events = self._parts.machine.step(self._session, signal)
        if self._session.running is None:
            self._utterance = None
        return events

    def _begin(self, signal: WakeHeard | ListenRequested, ends: EndPointer) -> tuple[Event, ...]:
        """Begin a session and process the buffered audio since the wake word."""
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
        recognizer = self._recognizer
        state = recognizer.initial_state(start, listen, self._biasing)
        self._utterance = _Utterance(recognizer, state, ends, ending)
        samples = self._ring.read(round(start * SAMPLE_RATE), self._ring.end)
        utterance = self._recognize(self._utterance, samples)
        return events + self._signal(self._text_of(utterance))

    def _follow(self, utterance: _Utterance, frame: Frame) -> tuple[Event, ...]:
        """Process a frame of the running session; end it if the end-pointer says so.

        A result at this frame replaces the partial text, which is older.
        """
        ending, look = utterance.end_pointer.step(utterance.ending, self._voiced[-1])
        utterance = self._recognize(replace(utterance, ending=ending), frame)
        signal = self._look(utterance) if look else None
        return self._signal(signal or self._text_of(utterance))

    def _recognize(self, utterance: _Utterance, samples: Samples) -> _Utterance:
        recognizer = utterance.recognizer
        state, _ = recognizer.step(utterance.state, samples)
        speaking = utterance.ending.vad_silence < SPEAKING_SECONDS
        if speaking and not self._late and recognizer.glance_due(state):
            state = recognizer.glance(state)
        self._utterance = utterance = replace(utterance, state=state)
        return utterance

    def _text_of(self, utterance: _Utterance) -> TextChanged:
        state = utterance.state
        return TextChanged(time=self._now(), text=state.shown, firm=state.firm)

    def _look(self, utterance: _Utterance) -> Signal | None:
        """Decode as if the utterance ended now; return the signal of the end-pointer's verdict."""
        recognizer = utterance.recognizer
        state, progress = recognizer.look_ahead(utterance.state)
        ending, verdict = utterance.end_pointer.judge(utterance.ending, progress)
        self._utterance = replace(utterance, ending=ending)
        if verdict is Verdict.GOES_ON:
            return None
        if verdict is Verdict.NO_SPEECH:
            return NoSpeech(time=self._now())
        outcome = recognizer.outcome(state, utterance.outcome)
        self._utterance = replace(self._utterance, outcome=outcome)
        result = outcome.result
        if verdict is Verdict.PAUSED:
            shown = utterance.state.shown
            return SpeechPaused(time=self._now(), result=result, first=progress.text, shown=shown)
        return SpeechEnded(time=self._now(), result=result, reason=ENDS[verdict])
