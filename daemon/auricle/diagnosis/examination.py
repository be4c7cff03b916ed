"""Runs all checks of `auricle doctor` in sequence; a failed check does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle.config import Config, loading
from auricle.config.loading import Examination
from auricle.diagnosis.bus import examine_bus
from auricle.diagnosis.clock import ClockWatch, examine_synchronisation
from auricle.diagnosis.finding import Finding, FindingStatus
from auricle.diagnosis.machine import examine_memory, examine_processor
from auricle.diagnosis.microphone import examine_microphone
from auricle.diagnosis.models import examine_models
from auricle.diagnosis.music import examine_music
from auricle.diagnosis.state import examine_state
from auricle.diagnosis.unit import examine_home
from auricle.service import references


def examine_all(config_file: Path, bus: str | None = None) -> Iterator[Finding]:
    """Yield the findings of all checks.

    The checks take a few seconds. They use the microphone for one second.

    Args:
        config_file: the configuration; if it has mistakes, the checks use the defaults.
        bus: "session", "system" or a D-Bus address; None: the configured bus.
    """
    watch = ClockWatch()
    yield from _examine_config(config_file, references.examine(config_file))
    config = loading.examine(config_file).config or Config()
    daemon = yield from examine_bus(bus or config.bus.kind)
    yield examine_home(daemon, bus or config.bus.kind)
    yield from examine_microphone(config.audio, daemon.process if daemon else None)
    yield from examine_music(config.music, bus or config.bus.kind)
    yield from examine_models(config)
    yield from examine_state(bus or config.bus.kind)
    yield from examine_processor()
    yield examine_memory()
    yield examine_synchronisation()
    yield watch.conclude()


def _examine_config(file: Path, examination: Examination) -> Iterator[Finding]:
    if examination.config is not None:
        yield Finding("config", FindingStatus.OK, f"{file} is valid")
    remedy = (
        "correct it; until then the daemon does not start, and the checks below use the default "
        "configuration"
    )
    for mistake in examination.mistakes:
        yield Finding("config", FindingStatus.PROBLEM, str(mistake), remedy)
    for warning in examination.warnings:
        remedy = "correct it; the daemon runs without it"
        yield Finding("config", FindingStatus.WARNING, str(warning), remedy)
