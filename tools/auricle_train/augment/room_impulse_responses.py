"""Simulated room impulse responses from a talker to the device, cached on disk.

In: a count, a seed, a folder. Out: float32 responses whose direct sound is 1 at sample 0, so that
speech keeps its timing. The simulation is the image source method (Allen and Berkley, JASA 1979;
pyroomacoustics, arXiv:1710.04196).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyroomacoustics
from numpy.typing import NDArray

from auricle.features import SAMPLE_RATE

Samples = NDArray[np.float32]

LONGEST = 0.6  # maximum seconds of a response
LEAST_DISTANCE = 0.4  # metres from the talker to the device


def load_rooms(count: int, seed: int, store: Path) -> list[Samples]:
    """Return `count` responses, from the store if it has them."""
    path = store / f"rooms-{count}-{seed}.npz"
    if not path.exists():
        generator = np.random.default_rng(seed)
        responses = [simulate(generator) for _ in range(count)]
        store.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
        np.savez_compressed(partial, *responses)
        os.replace(partial, path)
    with np.load(path) as bank:
        return [bank[name] for name in bank.files]


def simulate(generator: np.random.Generator) -> Samples:
    """Return the response of a random living room, bathroom or hall."""
    size = generator.uniform((2.0, 2.0, 2.3), (8.0, 6.0, 3.2))
    device, talker = _places(size, generator)
    # By Sabine's formula, fully absorbing walls give the shortest possible decay.
    shortest = 1.1 * 0.161 * np.prod(size) / _walls(size)
    decay = max(float(generator.uniform(0.15, 0.7)), float(shortest))
    absorption, order = pyroomacoustics.inverse_sabine(decay, size)
    room = pyroomacoustics.ShoeBox(
        size, fs=SAMPLE_RATE, max_order=min(order, 24),
        materials=pyroomacoustics.Material(absorption),
    )  # fmt: skip
    room.add_source(talker)
    room.add_microphone(device)
    room.compute_rir()
    return _aligned(room.rir[0][0], float(np.linalg.norm(talker - device)))


def _places(size: NDArray[np.float64], generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return the positions of the device and the talker, in metres."""
    while True:
        device = generator.uniform((0.2, 0.2, 0.5), size - (0.2, 0.2, 0.8))
        talker = generator.uniform((0.4, 0.4, 1.0), size - (0.4, 0.4, 0.4))
        if np.linalg.norm(device - talker) > LEAST_DISTANCE:
            return device, talker


def _walls(size: NDArray[np.float64]) -> float:
    width, depth, height = size
    return float(2 * (width * depth + width * height + depth * height))


def _aligned(response: NDArray[np.float64], distance: float) -> Samples:
    """Remove the delay of the direct sound, and scale it to 1."""
    delay = pyroomacoustics.constants.get("frac_delay_length") // 2
    arrival = round(distance / pyroomacoustics.constants.get("c") * SAMPLE_RATE) + delay
    start = arrival - 2 + int(np.argmax(np.abs(response[arrival - 2 : arrival + 3])))
    kept = response[start : start + round(LONGEST * SAMPLE_RATE)]
    return (kept / kept[0]).astype(np.float32)
