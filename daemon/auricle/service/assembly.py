"""Builds the pipeline that a configuration asks for: models loaded, parts joined."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
class Models:
    """What takes long to load, and outlives a pipeline."""

    bundle: Bundle
    recognizer: Recognizer
    wake: WakeDetector | None  # None: no wake word is wanted
    threads: int  # of each of their networks


def budget_of(config: Config, level: ComputeLevel = ComputeLevel.FULL) -> Budget:
    """Return what the configuration allows a recognition to cost.

    Args:
        config: validated; a level that it names holds in place of the other.
        level: of the arbiter.
    """
    settings = config.arbiter
    budget = Budget(
        threads=settings.threads,
        beam=config.recognizer.beam,
        second_pass=config.recognizer.second_pass,
    )
    return budget_at(level if settings.level == "auto" else ComputeLevel(settings.level), budget)


def limited(recognizer: Recognizer, budget: Budget) -> Recognizer:
    """Return a recogniser by the same networks that keeps to a budget, but for its threads."""
    mode = SecondPassMode(budget.second_pass)
    return recognizer.limited(budget.beam, mode, budget.second_beam, glances=budget.glances)


def load_models(config: Config, budget: Budget, *, wake: bool = True) -> Models:
    """Load the networks that the configuration names.

    Args:
        config: validated.
        budget: what the arbiter allows.
        wake: False for recordings, which need no wake word.

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
    wanted = wake and config.wake.enabled and config.wake.models
    words = load_wake(config, budget.threads) if wanted else None
    return Models(bundle, limited(recognizer, budget), words, budget.threads)


def load_wake(config: Config, threads: int = 1) -> WakeDetector:
    """Load the wake words that the configuration names.

    Args:
        config: validated.
        threads: how many threads one run of a network may take.

    Raises:
        ModelError: a model is missing or damaged.
    """
    settings, runtime = config.wake, config.recognizer.runtime
    found = [(find_wake_model(model.model), model.cutoff) for model in settings.models]
    words = [load_wake_word(path, threads, runtime) for path, _ in found]
    cutoffs = {
        word.name: cutoff
        for word, (_, cutoff) in zip(words, found, strict=True)
        if cutoff is not None
    }
    return WakeDetector(words, cutoffs=cutoffs, refractory_seconds=settings.refractory_seconds)


def make_pipeline(
    config: Config, models: Models, prefix: str = "", clock: Clock = time.perf_counter
) -> Pipeline:
    """Join the parts; session ids are `<prefix>1`, `<prefix>2`, ..., `clock` counts computing."""
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


def endpoint_options(settings: EndpointSettings) -> EndpointOptions:
    """Return the thresholds in seconds."""
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
    tell: Callable[[str], None],
    on_change: Callable[[], None],
) -> Ducker:
    """Return the ducker that lowers other sounds.

    Args:
        settings: the section `music`.
        bus: "session", "system" or a D-Bus address, on which to look for players.
        folder: stores the volumes to restore.
        tell: takes a sentence about what cannot be ducked.
        on_change: is called when ducking starts and when it ends.
    """
    saved = SavedVolumes(folder / "ducked.json")
    backends = make_backends(settings, bus)
    linger = settings.linger_ms / 1000
    return Ducker(backends, policy_of(settings), linger, saved, tell, on_change)


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
