"""Builds the parts of the daemon from the configuration: models, pipeline, audio source, ducker."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from auricle.audio.convert import Channel
from auricle.audio.microphone import Microphone
from auricle.audio.reconnecting import ReconnectingSource
from auricle.audio.source import AudioSource
from auricle.audio.vad import VoiceActivity
from auricle.biasing.biasing import BiasingOptions
from auricle.bundle.manifest import Bundle, load_bundle
from auricle.compute.budget import Budget, ComputeLevel, budget_at
from auricle.config.locations import find_bundle, find_wake_model
from auricle.config.schema import Config, EndpointSettings, MusicSettings
from auricle.ducking.backend import MIXER, PLAYERS, STREAMS, Backend
from auricle.ducking.backends.alsa import AlsaMixer
from auricle.ducking.backends.mpris import MprisPlayers
from auricle.ducking.backends.pulse import PulseStreams
from auricle.ducking.ducker import Ducker
from auricle.ducking.policy import DuckingMode, Policy
from auricle.ducking.saved_volumes import SavedVolumes
from auricle.engine.capture_thread import MakeSource, OnState
from auricle.engine.pipeline import Clock, Parts, Pipeline
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.endpoint import EndPointer, EndpointOptions
from auricle.recognizer.loading import load_recognizer
from auricle.recognizer.recognizer import Recognizer
from auricle.recognizer.second_pass import SecondPassMode, SecondPassOptions
from auricle.session import SessionMachine, numbered
from auricle.wake.detector import WakeDetector
from auricle.wake.micro_wake_word import load_wake_word


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The command line of `auricle run`."""

    config: Path  # the main configuration file
    bus: str | None = None  # "session", "system" or an address; None: as the config says
    recording: Path | None = None  # plays in place of the microphone
    loop: bool = False  # whether the recording repeats without a client


@dataclass(frozen=True, slots=True)
class Models:
    """The loaded models. They load slowly and outlive a pipeline."""

    bundle: Bundle
    recognizer: Recognizer
    wake: WakeDetector | None  # None: wake words are disabled
    threads: int  # per network


def budget_of(config: Config, level: ComputeLevel = ComputeLevel.FULL) -> Budget:
    """Return the compute budget of a level.

    Args:
        config: a validated configuration. If it fixes a level, that one is used.
        level: the level that the governor chose.
    """
    settings = config.arbiter
    budget = Budget(
        threads=settings.threads,
        beam=config.recognizer.beam,
        second_pass=config.recognizer.second_pass,
    )
    return budget_at(level if settings.level == "auto" else ComputeLevel(settings.level), budget)


def limited(recognizer: Recognizer, budget: Budget) -> Recognizer:
    """Return a recogniser with the same networks, limited to a budget except for its threads."""
    mode = SecondPassMode(budget.second_pass)
    return recognizer.limited(budget.beam, mode, budget.second_beam, glances=budget.glances)


def load_models(config: Config, budget: Budget, *, wake: bool = True) -> Models:
    """Load the models that the configuration names.

    Args:
        config: a validated configuration.
        budget: the compute budget.
        wake: whether to load the wake words; recordings need none.

    Raises:
        ModelError: a model is missing or damaged.
    """
    settings = config.recognizer
    bundle = load_bundle(find_bundle(settings.bundle), "recognizer")
    options = SearchOptions(
        beam=budget.beam,
        max_symbols=settings.max_symbols,
        lattice_beam=settings.lattice_beam,
        nbest=settings.nbest,
    )
    second = SecondPassOptions(mode=SecondPassMode(budget.second_pass))
    biasing = BiasingOptions(factor=settings.biasing)
    recognizer = load_recognizer(bundle, options, budget.threads, settings.runtime, second, biasing)
    enabled = wake and config.wake.enabled and config.wake.models
    detector = load_wake(config, budget.threads) if enabled else None
    return Models(bundle, limited(recognizer, budget), detector, budget.threads)


def load_wake(config: Config, threads: int = 1) -> WakeDetector:
    """Load the wake words that the configuration names.

    Args:
        config: a validated configuration.
        threads: threads per network.

    Raises:
        ModelError: a model is missing or damaged.
    """
    settings, runtime = config.wake, config.recognizer.runtime
    words = [
        # A model that is named lies in a shipped folder, where a manifest must list its files.
        load_wake_word(find_wake_model(each.model), threads, runtime, listed=each.is_installed)
        for each in settings.models
    ]
    cutoffs = {
        word.name: each.cutoff
        for word, each in zip(words, settings.models, strict=True)
        if each.cutoff is not None
    }
    return WakeDetector(words, cutoffs=cutoffs, refractory_seconds=settings.refractory_seconds)


def wake_words_of(models: Models) -> tuple[str, ...]:
    """Return the names of the active wake words."""
    return () if models.wake is None else models.wake.names


def make_pipeline(
    config: Config, models: Models, prefix: str = "", clock: Clock = time.perf_counter
) -> Pipeline:
    """Return a pipeline with session ids `<prefix>1`, `<prefix>2`, ...

    `clock` measures the compute time; see `Pipeline`.
    """
    return Pipeline(
        Parts(
            machine=SessionMachine(numbered(prefix)),
            recognizer=models.recognizer,
            end_pointer=EndPointer(endpoint_options(config.endpoint)),
            voice=VoiceActivity(config.vad.aggressiveness, config.vad.hangover_ms / 1000),
            wake=models.wake,
            ring_seconds=config.audio.ring_seconds,
            pre_roll_seconds=config.audio.pre_roll_seconds,
        ),
        clock,
    )


def build_pipeline(config: Config, models: Models, level: ComputeLevel) -> Pipeline:
    """Return a pipeline for the daemon: in its initial state, with unique session ids."""
    if models.wake is not None:
        models.wake.reset()
    pipeline = make_pipeline(config, models, prefix=f"{secrets.token_hex(4)}_")
    pipeline.set_recognizer(limited(models.recognizer, budget_of(config, level)))
    return pipeline


def source_settings(config: Config) -> tuple[object, ...]:
    """Return the settings that need a new audio source when they change."""
    return (config.audio.device, config.audio.channel, config.audio.reconnect_seconds)


def source_maker(config: Config, recording: AudioSource | None = None) -> MakeSource:
    """Return a function that makes the audio source: `recording` if given, else the microphone."""
    audio = config.audio
    channel: Channel = "mix" if isinstance(audio.channel, str) else audio.channel

    def make(on_state: OnState) -> AudioSource:
        if recording is not None:
            return recording
        return ReconnectingSource(
            Microphone(audio.device, channel),
            on_state,
            longest_wait=audio.reconnect_seconds,
            required=False,
        )

    return make


def endpoint_options(settings: EndpointSettings) -> EndpointOptions:
    """Return the end-pointing thresholds, in seconds."""
    return EndpointOptions(
        speculative=settings.speculative_ms / 1000,
        final=settings.final_ms / 1000,
        decoder=settings.decoder_ms / 1000,
        no_speech=settings.no_speech_seconds,
        maximum=settings.maximum_seconds,
    )


def make_music(
    settings: MusicSettings,
    bus: str,
    folder: Path,
    report: Callable[[str], None],
    on_change: Callable[[], None],
) -> Ducker:
    """Return the ducker that lowers other sounds.

    Args:
        settings: the section `music`.
        bus: "session", "system" or a D-Bus address, on which to look for players.
        folder: stores the volumes to restore.
        report: takes a sentence about what cannot be ducked.
        on_change: is called when ducking starts and when it ends.
    """
    saved = SavedVolumes(folder / "ducked.json")
    backends = make_backends(settings, bus)
    linger = settings.linger_ms / 1000
    return Ducker(backends, policy_of(settings), linger, saved, report, on_change)


def make_backends(settings: MusicSettings, bus: str) -> tuple[Backend, ...]:
    """Return the back ends that the settings name, in their order."""
    makers: dict[str, Callable[[], Backend]] = {
        PLAYERS: lambda: MprisPlayers(bus),
        STREAMS: lambda: PulseStreams(settings.pulse_server, settings.spared_roles),
        MIXER: lambda: AlsaMixer(settings.alsa_card, settings.alsa_control),
    }
    return tuple(makers[name]() for name in dict.fromkeys(settings.backends))


def policy_of(settings: MusicSettings) -> Policy:
    """Return how other sounds are ducked."""
    return Policy(DuckingMode(settings.mode), settings.decibels)
