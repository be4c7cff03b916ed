"""A reranker on the machine that reverses the readings; runs with the package's Python.

Prints its URL and the pin of its certificate on the first line, then one line for each question.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from testbed.fake_reranker import FakeReranker, least_likely


def main() -> None:
    """Serve until killed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeReranker(Path(folder), least_likely) as reranker,
    ):
        print(reranker.url, reranker.pin, flush=True)
        told = 0
        while True:
            for question in reranker.questions[told:]:
                print(question.decode(), flush=True)
                told += 1
            time.sleep(0.1)


main()
