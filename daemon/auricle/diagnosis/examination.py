"""The whole examination, part after part; none stops the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle.config import Config
from auricle.config.loading import Examination, examine
from auricle.diagnosis.bus import examine_bus
from auricle.diagnosis.clock import ClockWatch, examine_synchronisation
from auricle.diagnosis.finding import Finding, FindingStatus
from auricle.diagnosis.machine import examine_memory, examine_processor
from auricle.diagnosis.microphone import examine_microphone
from auricle.diagnosis.models import examine_models
from auricle.diagnosis.music import examine_music
from auricle.diagnosis.unit import examine_home


def examine_all(config_file: Path, bus: str | None = None) -> Iterator[Finding]:
    """Yield what is found, as it is found; it takes some seconds, and the microphone for one.

    Args:
        config_file: the configuration; where it is wrong, the defaults are examined.
        bus: "session", "system" or a D-Bus address; None: as configured.
    """
    watch = ClockWatch()
    examination = examine(config_file)
    yield from _examine_config(config_file, examination)
    config = examination.config or Config()
    daemon = yield from examine_bus(bus or config.bus.kind)
    yield examine_home(daemon, bus or config.bus.kind)
    yield from examine_microphone(config.audio, daemon.process if daemon else None)
    yield from examine_music(config.music, bus or config.bus.kind)
    yield from examine_models(config)
    yield from examine_processor()
    yield examine_memory()
    yield examine_synchronisation()
    yield watch.conclude()


def _examine_config(file: Path, examination: Examination) -> Iterator[Finding]:
    if examination.config is not None:
        yield Finding("config", FindingStatus.OK, f"{file} is right")
    for mistake in examination.mistakes:
        remedy = "correct it; until then the daemon does not start, and the rest below is for the "
        yield Finding(
            "config", FindingStatus.PROBLEM, str(mistake), f"{remedy}default configuration"
        )
