"""Runs one target for some time: coverage-guided by atheris, or by random mutations without it.

Atheris (https://github.com/google/atheris) links libFuzzer into Python. It runs in a process of its
own, because libFuzzer ends its process. Inputs that reach new code stay in build/fuzz/corpus/NAME.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
import sys
import time
from pathlib import Path

from fuzzing.failures import FailureRecorder, TooManyFailuresError
from fuzzing.mutations import LONGEST, mutants
from fuzzing.targets import Target

# What atheris instruments: our own code. Instrumented libraries, such as yaml, are far too slow.
INSTRUMENTED = ["auricle", "reranker"]
MEMORY_MB = 2048
INPUT_SECONDS = 60  # libFuzzer stops at an input that takes longer


def has_atheris() -> bool:
    """Return whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def run_mutations(
    target: Target, seconds: float, folder: Path, seed: int, inputs: float = math.inf
) -> FailureRecorder:
    """Run a target on its corpus and mutations of it, for some time or inputs; return failures."""
    recorder = FailureRecorder(target.load(), folder)
    corpus = [path.read_bytes() for path in target.inputs()]
    end = time.monotonic() + seconds
    try:
        for data in corpus:
            recorder(data)
        for data in mutants(corpus, seed):
            if time.monotonic() >= end or recorder.calls >= inputs:
                break
            recorder(data)
    except TooManyFailuresError:
        pass
    return recorder


def run_atheris(target: Target, seconds: float, folder: Path, seed: int) -> None:
    """Run a target under libFuzzer; this ends the process.

    The exit status is 0 after `seconds`, or another one after a crash, a hang or a lack of memory.
    """
    atheris = importlib.import_module("atheris")  # the daemon's environment does not have it
    with atheris.instrument_imports(include=INSTRUMENTED):
        fuzz_one = target.load()
    recorder = FailureRecorder(fuzz_one, folder)
    found = folder.parent / "corpus" / target.name
    for each in (found, folder):
        each.mkdir(parents=True, exist_ok=True)

    def call(data: bytes) -> None:
        try:
            recorder(data)
        except TooManyFailuresError:
            os._exit(1)

    words = [
        sys.argv[0],
        str(found),
        *([str(target.corpus)] if target.corpus.is_dir() else []),
        f"-max_total_time={max(1, round(seconds))}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={folder}/",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-timeout={INPUT_SECONDS}",
        f"-seed={seed}",
        "-print_final_stats=1",
    ]
    atheris.Setup(words, call)
    atheris.Fuzz()
