"""Checks whether the models are installed, intact, and fast enough on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import metadata

import numpy as np

from auricle.audio.format import SAMPLE_RATE
from auricle.config import Config
from auricle.config.locations import find_wake_model
from auricle.diagnosis.finding import Finding, FindingStatus, problem
from auricle.errors import AuricleError
from auricle.recognizer.recognizer import Recognizer
from auricle.service.assembly import Models, budget_of, load_models, load_wake
from auricle.tflite.packages import find_runtime
from auricle.wake.model_files import has_manifest

TRIAL_SECONDS = 2.6  # of audio: a few chunks of the encoder
SLOW = 0.5  # real-time factor above which other programs delay results
TOO_SLOW = 1.0  # real-time factor above which the recognizer cannot keep up


def examine_models(config: Config) -> Iterator[Finding]:
    """Yield findings about the TFLite runtime, the recognizer and the wake words."""
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
    found = f"{bundle.name} {bundle.version} ({bundle.language}) in {bundle.folder} is intact"
    yield Finding("recognizer", FindingStatus.OK, found)
    try:
        yield judge_speed(measure_speed(models.recognizer))
    except AuricleError as error:
        yield problem("speed", error)


def measure_speed(recognizer: Recognizer) -> float:
    """Return the real-time factor of the recognizer, the lower of two trials."""
    noise = np.random.default_rng(0).normal(0, 1000, round(TRIAL_SECONDS * SAMPLE_RATE))
    samples = noise.astype(np.int16)
    costs = []
    for _ in range(2):
        begin = time.perf_counter()
        recognizer.step(recognizer.initial_state(), samples)
        costs.append((time.perf_counter() - begin) / TRIAL_SECONDS)
    return min(costs)


def judge_speed(cost: float) -> Finding:
    """Return a finding about a real-time factor."""
    found = f"recognizing one second of sound takes {cost:.2f} s"
    if cost < SLOW:
        return Finding("speed", FindingStatus.OK, found)
    remedy = "stop other programs, lower recognizer.beam, raise arbiter.threads, or cool the device"
    if cost < TOO_SLOW:
        return Finding("speed", FindingStatus.WARNING, f"{found}: results come late", remedy)
    return Finding("speed", FindingStatus.PROBLEM, f"{found}: it cannot keep up", remedy)


def _examine_wake(config: Config) -> Finding:
    if not (config.wake.enabled and config.wake.models):
        return Finding("wake words", FindingStatus.OK, "they are off; only clients start sessions")
    load_wake(config)
    groups: dict[str, list[str]] = {"match their manifest": [], "have no manifest": []}
    for model in config.wake.models:
        listed = has_manifest(find_wake_model(model.model))
        groups["match their manifest" if listed else "have no manifest"].append(model.model)
    told = (f"{what}: {', '.join(names)}" for what, names in groups.items() if names)
    return Finding("wake words", FindingStatus.OK, f"all can be loaded; {'; '.join(told)}")


def _version(package: str) -> str:
    """Return the version of an installed package; empty if it is unknown."""
    try:
        return metadata.version(package.replace("_", "-"))
    except metadata.PackageNotFoundError:
        return ""
