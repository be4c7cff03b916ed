"""The shipped wake words, and sound to try them on."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.audio.file import read_recording
from auricle.audio.format import Samples
from auricle.wake.micro_wake_word import MicroWakeWord, load_wake_word

MODELS = Path(__file__).parents[2] / "models"
NAMES = ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of the shipped models."""
    return MODELS


@pytest.fixture(params=NAMES)
def word(request: pytest.FixtureRequest) -> MicroWakeWord:
    """Each shipped wake word, newly loaded."""
    return load_wake_word(MODELS / "wake" / f"{request.param}.json")


@pytest.fixture
def words() -> list[MicroWakeWord]:
    """All shipped wake words, newly loaded."""
    return [load_wake_word(MODELS / "wake" / f"{name}.json") for name in NAMES]


@pytest.fixture(scope="session")
def command() -> Samples:
    """A second of room, "Alexa" to 1.45 s, "how are you going to do it", and the room again."""
    return read_recording(MODELS / "demo" / "command.flac")
