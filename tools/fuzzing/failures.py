"""Keeps the inputs that fail: one per place in the code, in build/fuzz/NAME."""

from __future__ import annotations

import hashlib
import time
import traceback
from pathlib import Path

from fuzzing.targets import FuzzOne

MOST_FAILURES = 20  # different ones of a target; then it stops
SLOW_SECONDS = 10.0  # of processor time; an input that takes longer is a failure


class TooManyFailuresError(Exception):
    """The target has failed in many different ways; mend some of them first."""


class FailureRecorder:
    """Calls a target, and writes the input of each new failure to a folder."""

    def __init__(self, fuzz_one: FuzzOne, folder: Path) -> None:
        """Take the target, and the folder for failing inputs, which is made when needed."""
        self.calls = 0
        self.files: dict[str, Path] = {}  # what failed and where -> the first such input
        self._fuzz_one = fuzz_one
        self._folder = folder

    def __call__(self, data: bytes) -> None:
        """Call the target; raises TooManyFailuresError."""
        self.calls += 1
        began = time.process_time()
        try:
            self._fuzz_one(bytes(data))
        except Exception as error:
            self._record(_place_of(error), "failure", data)
        taken = time.process_time() - began
        if taken > SLOW_SECONDS:
            self._record(f"it takes more than {SLOW_SECONDS:.0f} s", "slow", data)

    def _record(self, what: str, kind: str, data: bytes) -> None:
        if what in self.files:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{kind}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        self.files[what] = path
        print(f"{path}: {what}", flush=True)
        if len(self.files) >= MOST_FAILURES:
            raise TooManyFailuresError


def _place_of(error: Exception) -> str:
    """Return the class of an exception, and the last line of the repository that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/daemon/" in frame.filename or "/tests/" in frame.filename]
    last = (own or frames)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
