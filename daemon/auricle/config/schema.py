"""The schema of the configuration: names, units, defaults and ranges of all keys.

`etc/auricle.yaml` documents the same keys for the user; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from auricle import defaults
from auricle.config.checks import (
    Check,
    Choice,
    Either,
    Flag,
    Mapping,
    Matching,
    NameOrPath,
    Nothing,
    Real,
    Several,
    Text,
    Whole,
)


def setting(default: Any, check: Check, *, restart: bool = False) -> Any:
    """Declare a key: its default, its check, and whether a change requires a restart."""
    return field(default=default, metadata={"check": check, "restart": restart})


def section(kind: Callable[[], Any]) -> Any:
    """Declare a section, which is a mapping of keys."""
    return field(default_factory=kind, metadata={"section": kind})


ABSOLUTE_PATH = Matching(re.compile(r"/[^\0\n]+"), "an absolute path")
LED = Matching(
    re.compile(r"(?!\.{1,2}$)[A-Za-z0-9:._+@-]{1,63}"),
    "the name of an LED in /sys/class/leds, such as led0 or green:privacy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSettings:
    """The D-Bus bus of the daemon."""

    kind: Literal["system", "session"] = setting(
        "system", Choice(("system", "session")), restart=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSettings:
    """The microphone, and the audio that is kept in memory."""

    # None: the default device; int: PortAudio index; str: part of its name, or an ALSA/Pulse name
    device: int | str | None = setting(None, Either((Nothing(), Whole(0, 999), Text())))
    # int: channel of a microphone array, from 0; "mix": the mean of all channels
    channel: int | Literal["mix"] = setting(0, Either((Whole(0, 63), Choice(("mix",)))))
    ring_seconds: float = setting(10.0, Real(2, 60))  # size of the ring buffer
    pre_roll_seconds: float = setting(0.5, Real(0, 5))  # audio before the wake word
    reconnect_seconds: float = setting(30.0, Real(1, 600))  # longest wait between two attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class VadSettings:
    """Voice activity detection, which gates the wake word."""

    # WebRTC's mode: 3 rejects the most noise.
    aggressiveness: int = setting(defaults.VAD_AGGRESSIVENESS, Whole(0, 3))
    # Speech continues for this long after the last audio frame with a voice.
    hangover_ms: int = setting(defaults.VAD_HANGOVER_MS, Whole(0, 2000))


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeModel:
    """One wake word."""

    model: str  # name of a model, or the absolute path of a microWakeWord JSON file
    cutoff: float | None = None  # probability, 0 to 1; None: the cut-off of the model

    @property
    def is_installed(self) -> bool:
        """Whether it is the name of an installed model, which a manifest lists, and not a path."""
        return not self.model.startswith("/")


@dataclass(frozen=True, slots=True)
class NamedWakeModel:
    """Check for a wake word that is given only by its name or path."""

    name: NameOrPath = NameOrPath("a wake-word model")

    @property
    def expected(self) -> str:
        """The valid values, in words."""
        return self.name.expected

    def read(self, value: object) -> WakeModel:
        """Return the wake word with the cut-off of its model."""
        return WakeModel(model=self.name.read(value))


WAKE_MODEL = Either(
    (
        NamedWakeModel(),
        Mapping(
            keys={"model": NameOrPath("a wake-word model"), "cutoff": Real(0, 1)},
            required="model",
            build=WakeModel,
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeSettings:
    """The wake words."""

    enabled: bool = setting(True, Flag())  # false: only a client's Listen starts a session
    models: tuple[WakeModel, ...] = setting(
        (WakeModel(model="alexa"), WakeModel(model="hey_jarvis"), WakeModel(model="okay_nabu")),
        Several(WAKE_MODEL),
    )
    refractory_seconds: float = setting(2.0, Real(0, 30))  # minimum time between detections


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerSettings:
    """The recognizer and its search."""

    bundle: str = setting("en-tiny", NameOrPath("a model bundle"))
    runtime: Literal["auto", "ai_edge_litert", "tflite_runtime"] = setting(
        "auto", Choice(("auto", "ai_edge_litert", "tflite_runtime"))
    )
    beam: int = setting(defaults.BEAM, Whole(1, 32))  # hypotheses kept at each frame
    nbest: int = setting(defaults.NBEST, Whole(1, 100))  # hypotheses reported
    # Natural log: arcs this much worse than the best path are cut.
    lattice_beam: float = setting(defaults.LATTICE_BEAM, Real(0, 50))
    # Word pieces in one search frame, at most.
    max_symbols: int = setting(defaults.MAX_SYMBOLS, Whole(1, 10))
    second_pass: Literal["off", "rescore", "full"] = setting(
        "full", Choice(("off", "rescore", "full"))
    )  # mode of the attention decoder after the search
    biasing: float = setting(1.0, Real(0, 3))  # scale of the biasing bonus for names; 0: off


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """The end-pointer: when a command is over."""

    # Trailing silence after which the command seems complete, and after which it is.
    speculative_ms: int = setting(defaults.SPECULATIVE_MS, Whole(50, 2000))
    final_ms: int = setting(defaults.FINAL_MS, Whole(100, 5000))
    # Time without a new token that ends the command, although the room is not silent.
    decoder_ms: int = setting(defaults.DECODER_MS, Whole(200, 10000))
    # A session without speech ends after this time.
    no_speech_seconds: float = setting(defaults.NO_SPEECH_SECONDS, Real(1, 60))
    maximum_seconds: float = setting(defaults.MAXIMUM_SECONDS, Real(2, 120))  # longest command


@dataclass(frozen=True, slots=True, kw_only=True)
class ArbiterSettings:
    """How much compute Auricle may use."""

    # auto: the governor chooses the level from the system load; otherwise a fixed level
    level: Literal["auto", "full", "saver", "minimal"] = setting(
        "auto", Choice(("auto", "full", "saver", "minimal"))
    )
    threads: int = setting(1, Whole(1, 16))  # threads of each neural network
    realtime: bool = setting(False, Flag(), restart=True)  # SCHED_RR for the capture thread


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicSettings:
    """Ducking: what happens to other sounds during a session."""

    mode: Literal["off", "duck", "pause"] = setting("duck", Choice(("off", "duck", "pause")))
    decibels: float = setting(20.0, Real(3, 60))  # attenuation
    linger_ms: int = setting(300, Whole(0, 5000))  # delay of the restore after a session
    backends: tuple[Literal["mpris", "pulse", "alsa"], ...] = setting(
        ("mpris", "pulse", "alsa"), Several(Choice(("mpris", "pulse", "alsa")))
    )
    pulse_server: str | None = setting(
        None, Either((Nothing(), Text()))
    )  # None: libpulse's default
    spared_roles: tuple[str, ...] = setting(  # media roles of streams that are not ducked
        ("a11y", "assistant", "event", "phone", "test"), Several(Text())
    )
    alsa_card: str = setting("default", Text())
    alsa_control: str | None = setting(None, Either((Nothing(), Text())))  # None: a common one


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankerSettings:
    """The reranker: a service that rescores lattices with a larger language model."""

    url: str  # https
    token_file: str | None = None  # absolute path; None: systemd's credential, or no token
    pin: str | None = None  # sha256 of the only accepted certificate; None: any trusted one
    budget_ms: int = 300  # longest wait of the final result for the reranker

    @property
    def host(self) -> str:
        """Host and port, for messages and the audit log."""
        return urlsplit(self.url).netloc


RERANKER = Mapping(
    keys={
        "url": Matching(
            re.compile(r"https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?(/[!-~]*)?"),
            "a URL that begins with https://, such as https://reranker.lan:8443/v1/rerank",
        ),
        "token_file": ABSOLUTE_PATH,
        "pin": Matching(
            re.compile(r"sha256:[0-9a-f]{64}"), "sha256: and 64 hexadecimal digits in lower case"
        ),
        "budget_ms": Whole(50, 2000),
    },
    required="url",
    build=RerankerSettings,
)

@dataclass(frozen=True, slots=True, kw_only=True)
class TextSettings:
    """The form of recognized text."""

    style: Literal["words", "written"] = setting("words", Choice(("words", "written")))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackSettings:
    """What tells the user that the wake word was heard."""

    # builtin: two rising tones; or the absolute path of a recording
    chime: str = setting("off", Either((Choice(("off", "builtin")), ABSOLUTE_PATH)))
    chime_volume: float = setting(0.3, Real(0.01, 1))  # of full scale
    led: str | None = setting(None, Either((Nothing(), LED)))  # on during a session


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionsSettings:
    """Programs that get every result."""

    enabled: bool = setting(False, Flag())
    timeout_seconds: float = setting(10.0, Real(0.1, 300))  # longest run of a program


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacySettings:
    """What may leave the device."""

    mode: Literal["local", "lattice"] = setting("local", Choice(("local", "lattice")))
    lock: bool = setting(False, Flag())  # only this file, or polkit, may loosen the mode
    redact: bool = setting(True, Flag())  # replace names before a lattice is sent
    keep_lattices: bool = setting(False, Flag())  # log whole lattices, not only their hashes
    reranker: RerankerSettings | None = setting(None, Either((Nothing(), RERANKER)))
    led: str | None = setting(None, Either((Nothing(), LED)))  # on while lattices may be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is written to the journal."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", Choice(("debug", "info", "warning", "error"))
    )
    transcripts: bool = setting(False, Flag())  # true: log the recognized texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration; `Config()` has the defaults."""

    bus: BusSettings = section(BusSettings)
    audio: AudioSettings = section(AudioSettings)
    vad: VadSettings = section(VadSettings)
    wake: WakeSettings = section(WakeSettings)
    recognizer: RecognizerSettings = section(RecognizerSettings)
    endpoint: EndpointSettings = section(EndpointSettings)
    arbiter: ArbiterSettings = section(ArbiterSettings)
    music: MusicSettings = section(MusicSettings)
    text: TextSettings = section(TextSettings)
    feedback: FeedbackSettings = section(FeedbackSettings)
    actions: ActionsSettings = section(ActionsSettings)
    privacy: PrivacySettings = section(PrivacySettings)
    log: LogSettings = section(LogSettings)
