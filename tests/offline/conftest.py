"""The shipped models, and pipelines that take no time to compute."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auricle.compute.budget import Budget
from auricle.config import Config
from auricle.engine.pipeline import Pipeline
from auricle.service.assembly import Models, load_models, make_pipeline


@pytest.fixture(scope="package")
def shipped() -> Models:
    """The shipped recogniser without wake words."""
    return load_models(Config(), Budget(threads=1, beam=4), wake=False)


@pytest.fixture
def make_shipped(shipped: Models) -> Callable[[], Pipeline]:
    """Return a function that makes a pipeline of the shipped models."""
    return lambda: make_pipeline(Config(), shipped, clock=lambda: 0.0)
