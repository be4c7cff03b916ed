"""Measure the cost of ten thousand names: preparing them, adding one, and each audio chunk.

    python -m benchmarks.attending [--data ../shared/data] [--names 10000] [--bundle NAME]

Run it with tools/ and daemon/ on the path. In: distracting names of `benchmarks.biasing`. Out:
seconds and milliseconds of processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from auricle.biasing.context_attention import QueryEncoder
from auricle.bundle.manifest import load_bundle
from auricle.config.locations import find_bundle
from auricle.config.schema import RecognizerSettings
from auricle.context.entries import Context, Entry
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import NAMES, load_recognizer
from benchmarks.biasing import distracting

ROUNDS = 100


def seconds_of(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the median processor time of a function call."""
    took = []
    for _ in range(rounds):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
    return median(took)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--bundle", default=RecognizerSettings().bundle, help="name or path")
    arguments = parser.parse_args()
    bundle = load_bundle(find_bundle(arguments.bundle), "recognizer")
    recognizer = load_recognizer(bundle, SearchOptions(), 1)
    names = tuple(distracting(arguments.data, arguments.names)[: arguments.names])
    first = seconds_of(lambda: recognizer.biasing_of(Context(names)))
    more = Context((*names, Entry("contacts", "Siobhan Kowalczyk")))
    again = seconds_of(lambda: recognizer.biasing_of(more))
    biasing = recognizer.biasing_of(more)
    if biasing is None or biasing.keys is None:
        parser.error(f"--bundle: {bundle.folder} has no context attention")
    listener = QueryEncoder(bundle.path(NAMES[0]), 1)
    draw = np.random.default_rng(1)
    chunk = draw.standard_normal(listener.chunk).astype(np.float32)
    state = listener.initial_state()
    heard = seconds_of(lambda: listener.step(state, chunk), ROUNDS)
    _, queries = listener.step(state, chunk)
    keys = biasing.keys.matrix
    looked = seconds_of(lambda: keys.best(queries), ROUNDS)
    print(f"{len(names)} names, {len(biasing.graph.forms)} forms, {len(keys)} keys")
    print(f"prepared in {first:.2f} s, one more in {again:.2f} s")
    print(f"per chunk of 640 ms: queries {heard * 1e3:.2f} ms, all names {looked * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
