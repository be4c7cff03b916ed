"""All that can be configured: the one place of names, units, defaults and ranges.

`etc/auricle.yaml` documents the same keys for the owner; a test keeps the two equal.
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
    """Declare a key: its default, what it may be, and whether only a restart can change it."""
    return field(default=default, metadata={"check": check, "restart": restart})


def section(kind: Callable[[], Any]) -> Any:
    """Declare a section: a mapping of keys under one name."""
    return field(default_factory=kind, metadata={"section": kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSettings:
    """Where clients find Auricle."""

    kind: Literal["system", "session"] = setting(
        "system", Choice(("system", "session")), restart=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSettings:
    """The microphone, and how much of the past is kept."""

    # None: the default device; int: PortAudio's index; str: part of its name, or an ALSA/Pulse name
    device: int | str | None = setting(None, Either((Nothing(), Whole(0, 999), Text())))
    # int: which channel of a microphone array, from 0; "mix": the mean of all
    channel: int | Literal["mix"] = setting(0, Either((Whole(0, 63), Choice(("mix",)))))
    ring_seconds: float = setting(10.0, Real(2, 60))
    pre_roll_seconds: float = setting(0.5, Real(0, 5))  # before the wake word, for the recogniser
    reconnect_seconds: float = setting(30.0, Real(1, 600))  # longest wait between two tries


@dataclass(frozen=True, slots=True, kw_only=True)
class VadSettings:
    """Voice activity detection, which gates the wake word."""

    # WebRTC's mode: 3 rejects the most noise.
    aggressiveness: int = setting(defaults.VAD_AGGRESSIVENESS, Whole(0, 3))
    # Speech continues for this long after the last audio frame with a voice.
    hangover_ms: int = setting(defaults.VAD_HANGOVER_MS, Whole(0, 2000))


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeModel:
    """One wake word to listen for."""

    model: str  # the name of a model, or the absolute path of a microWakeWord JSON file
    cutoff: float | None = None  # probability, 0 to 1; None: what the model itself asks for


@dataclass(frozen=True, slots=True)
class NamedWakeModel:
    """A wake word written as its name or path alone."""

    name: NameOrPath = NameOrPath("a wake-word model")

    @property
    def expected(self) -> str:
        """What fits, in words."""
        return self.name.expected

    def read(self, value: object) -> WakeModel:
        """Return the model with its own cut-off."""
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

    enabled: bool = setting(True, Flag())  # false: only a client's Listen opens a session
    models: tuple[WakeModel, ...] = setting(
        (WakeModel(model="alexa"), WakeModel(model="hey_jarvis"), WakeModel(model="okay_nabu")),
        Several(WAKE_MODEL),
    )
    refractory_seconds: float = setting(2.0, Real(0, 30))  # after a detection none follows so long


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerSettings:
    """What turns sound into words, and how wide it searches."""

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
    )  # what attention may do after the search
    biasing: float = setting(1.0, Real(0, 3))  # how much names are favoured; 0: not at all


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """When a command is over."""

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
    """How much of the machine Auricle may take."""

    # auto: the arbiter chooses by what the machine has left; else the level that always holds
    level: Literal["auto", "full", "saver", "minimal"] = setting(
        "auto", Choice(("auto", "full", "saver", "minimal"))
    )
    threads: int = setting(1, Whole(1, 16))  # of each neural network
    realtime: bool = setting(False, Flag(), restart=True)  # the thread that records, by SCHED_RR


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicSettings:
    """What becomes of other sounds while somebody is listened to."""

    mode: Literal["off", "duck", "pause"] = setting("duck", Choice(("off", "duck", "pause")))
    decibels: float = setting(20.0, Real(3, 60))  # how much quieter
    linger_ms: int = setting(300, Whole(0, 5000))  # from the end of a session
    backends: tuple[Literal["mpris", "pulse", "alsa"], ...] = setting(
        ("mpris", "pulse", "alsa"), Several(Choice(("mpris", "pulse", "alsa")))
    )
    pulse_server: str | None = setting(None, Either((Nothing(), Text())))  # None: the usual one
    spared_roles: tuple[str, ...] = setting(  # of streams that are left alone
        ("a11y", "assistant", "event", "phone", "test"), Several(Text())
    )
    alsa_card: str = setting("default", Text())
    alsa_control: str | None = setting(None, Either((Nothing(), Text())))  # None: a usual one


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankerSettings:
    """The service that reads lattices again, with more knowledge of the language."""

    url: str  # https
    token_file: str | None = None  # absolute path; None: none, or systemd's credential
    pin: str | None = None  # sha256 of the one certificate that is accepted; None: by authorities
    budget_ms: int = 300  # how long the final result waits for it, at most

    @property
    def host(self) -> str:
        """Host and port, for people and the record."""
        return urlsplit(self.url).netloc


RERANKER = Mapping(
    keys={
        "url": Matching(
            re.compile(r"https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?(/[!-~]*)?"),
            "an address that begins with https://, such as https://reranker.lan:8443/v1/rerank",
        ),
        "token_file": Matching(re.compile(r"/[^\0\n]+"), "an absolute path"),
        "pin": Matching(
            re.compile(r"sha256:[0-9a-f]{64}"), "sha256: and 64 hexadecimal digits in small letters"
        ),
        "budget_ms": Whole(50, 2000),
    },
    required="url",
    build=RerankerSettings,
)

LED = Matching(
    re.compile(r"(?!\.{1,2}$)[A-Za-z0-9:._+@-]{1,63}"),
    "the name of an LED in /sys/class/leds, such as led0 or green:privacy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacySettings:
    """What may leave the device."""

    mode: Literal["local", "lattice"] = setting("local", Choice(("local", "lattice")))
    redact: bool = setting(True, Flag())  # names are replaced before a lattice leaves
    keep_lattices: bool = setting(False, Flag())  # the record holds what left, not its hash alone
    reranker: RerankerSettings | None = setting(None, Either((Nothing(), RERANKER)))
    led: str | None = setting(None, Either((Nothing(), LED)))  # lit while lattices may leave


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is written to the journal."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", Choice(("debug", "info", "warning", "error"))
    )
    transcripts: bool = setting(False, Flag())  # true: what was said is written to the journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration; `Config()` is the default one."""

    bus: BusSettings = section(BusSettings)
    audio: AudioSettings = section(AudioSettings)
    vad: VadSettings = section(VadSettings)
    wake: WakeSettings = section(WakeSettings)
    recognizer: RecognizerSettings = section(RecognizerSettings)
    endpoint: EndpointSettings = section(EndpointSettings)
    arbiter: ArbiterSettings = section(ArbiterSettings)
    music: MusicSettings = section(MusicSettings)
    privacy: PrivacySettings = section(PrivacySettings)
    log: LogSettings = section(LogSettings)
