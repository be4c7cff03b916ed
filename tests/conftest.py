"""What all tests may use: real servers in private folders, and real recordings."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_timeout
from hypothesis import settings

from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.recordings import Recording, load_recordings
from testbed.virtual_microphone import VirtualMicrophone

pytest_plugins = ["testbed.toys"]  # toy networks and random lattices

# No property is about time, and a busy machine takes longer.
settings.register_profile("auricle", deadline=None)
settings.load_profile("auricle")

# A shell starts background jobs with Ctrl-C ignored, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> bool:
    """Let the time limit of a test grow with the load of the machine."""
    limit = settings._replace(timeout=patience(settings.timeout))
    return bool(pytest_timeout.pytest_timeout_set_timer(item, limit))


@pytest.fixture(scope="session")
def recordings() -> dict[str, Recording]:
    """Real recordings by name, such as recordings["must_sleep"]; see tests/recordings."""
    return load_recordings(Path(__file__).parent / "recordings")


@pytest.fixture(scope="session")
def virtual_microphone() -> Iterator[VirtualMicrophone]:
    """A sound server with a microphone that hears what `speak` plays; leave it plugged in."""
    with VirtualMicrophone() as microphone:
        yield microphone


@pytest.fixture
def bus() -> Iterator[PrivateBus]:
    """A session bus of the test's own."""
    with PrivateBus() as bus:
        yield bus
