"""A virtual microphone that this very process hears."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testbed.virtual_microphone import VirtualMicrophone


@pytest.fixture
def microphone_here(
    virtual_microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> VirtualMicrophone:
    """The shared virtual microphone, in this process's environment."""
    for name, value in virtual_microphone.environment.items():
        monkeypatch.setenv(name, value)
    return virtual_microphone


@pytest.fixture
def pluggable_microphone(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMicrophone]:
    """A virtual microphone of the test's own, in this process's environment."""
    with VirtualMicrophone() as microphone:
        for name, value in microphone.environment.items():
            monkeypatch.setenv(name, value)
        yield microphone
