"""Whether the models are there, undamaged, and fast enough on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import metadata

import numpy as np

from auricle.audio.format import SAMPLE_RATE
from auricle.config import Config
from auricle.diagnosis.finding import Finding, FindingStatus, problem
from auricle.errors import AuricleError
from auricle.recognizer.recognizer import Recognizer
from auricle.service.assembly import Models, budget_of, load_models, load_wake
from auricle.tflite.runtime import find_runtime

TRIAL_SECONDS = 2.6  # of sound: a few chunks of the encoder
SLOW = 0.5  # seconds of computing for one second of sound: beyond it, other work delays results
TOO_SLOW = 1.0  # and beyond this the recogniser cannot keep up


def examine_models(config: Config) -> Iterator[Finding]:
    """Yield the state of the runtime, the recogniser and the wake words."""
    try:
        runtime = find_runtime(config.recognizer.runtime)
    except AuricleError as error:
        yield problem("runtime", error)
        return
    yield Finding("runtime", FindingStatus.OK, f"{runtime} {_version(runtime)}".strip())
    budget = budget_of(config)
    try:
        models = load_models(config, budget, wake=False)
    except AuricleError as error:
        yield problem("recognizer", error)
    else:
        yield from _examine_recognizer(models)
    try:
        yield _examine_wake(config)
    except AuricleError as error:
        yield problem("wake words", error)


def _examine_recognizer(models: Models) -> Iterator[Finding]:
    bundle = models.bundle
    found = f"{bundle.name} {bundle.version} ({bundle.language}) in {bundle.folder} is whole"
    yield Finding("recognizer", FindingStatus.OK, found)
    try:
        yield judge_speed(measure_speed(models.recognizer))
    except AuricleError as error:
        yield problem("speed", error)


def measure_speed(recognizer: Recognizer) -> float:
    """Return the seconds of computing that one second of sound costs, the lower of two trials."""
    noise = np.random.default_rng(0).normal(0, 1000, round(TRIAL_SECONDS * SAMPLE_RATE))
    samples = noise.astype(np.int16)
    costs = []
    for _ in range(2):
        begin = time.perf_counter()
        recognizer.step(recognizer.initial_state(), samples)
        costs.append((time.perf_counter() - begin) / TRIAL_SECONDS)
    return min(costs)


def judge_speed(cost: float) -> Finding:
    """Return whether a real-time factor is good enough."""
    found = f"recognising a second of sound takes {cost:.2f} s"
    if cost < SLOW:
        return Finding("speed", FindingStatus.OK, found)
    remedy = "stop other programs, lower recognizer.beam, raise arbiter.threads, or cool the device"
    if cost < TOO_SLOW:
        return Finding("speed", FindingStatus.WARNING, f"{found}: results come late", remedy)
    return Finding("speed", FindingStatus.PROBLEM, f"{found}: it cannot keep up", remedy)


def _examine_wake(config: Config) -> Finding:
    if not (config.wake.enabled and config.wake.models):
        return Finding("wake words", FindingStatus.OK, "none is wanted; clients begin sessions")
    load_wake(config)
    words = ", ".join(model.model for model in config.wake.models)
    return Finding("wake words", FindingStatus.OK, f"{words}: all can be listened for")


def _version(package: str) -> str:
    """Return the version of an installed package; empty when it does not tell."""
    try:
        return metadata.version(package.replace("_", "-"))
    except metadata.PackageNotFoundError:
        return ""
