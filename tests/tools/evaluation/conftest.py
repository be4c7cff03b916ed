"""Real recordings as the clips of a corpus."""

from __future__ import annotations

import pytest
import soundfile

from auricle_train.data.corpus import Clip
from testbed.recordings import Recording


@pytest.fixture(scope="session")
def clips(recordings: dict[str, Recording]) -> dict[str, Clip]:
    """Clips by name, such as clips["must_sleep"]; see tests/recordings."""
    return {
        name: Clip(name, soundfile.read(one.path, dtype="int16")[0], one.text, one.speaker)
        for name, one in recordings.items()
    }
