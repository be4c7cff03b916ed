"""What a configuration and a budget make of the models."""

from __future__ import annotations

import pytest

from auricle.config.schema import Config
from auricle.errors import ArgumentError
from auricle.service.assembly import load_wake


def test_the_wake_networks_run_with_the_threads_they_are_given() -> None:
    with pytest.raises(ArgumentError, match="threads is 0"):
        load_wake(Config(), threads=0)
    assert load_wake(Config(), threads=2) is not None
