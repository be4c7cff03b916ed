"""A fresh clone on a Debian 12 with nothing but its base, as a new owner has it.

The order of the tests matters: the second continues where the first ends. The clone has what is
committed. Both need root, the network and time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.bare_system import BareSystem
from testbed.debian_tree import debian_tree, throw_away_copy

ROOT = Path(__file__).parents[2]
PACKAGES = ("ca-certificates", "git", "make")  # what cloning the repository and `make` need
CLONE = "/opt/auricle"  # which every user of the system can read
SAID = "how are you going to do it"
MOST_LINES = 100

pytestmark = pytest.mark.timeout(7200)


@pytest.fixture(scope="module")
def bare() -> Iterator[BareSystem]:
    """A system with a clone of the repository."""
    with throw_away_copy(debian_tree("bookworm", "amd64", PACKAGES)) as copy:
        system = BareSystem(copy)
        system.clone(ROOT, CLONE)
        yield system


@pytest.fixture
def make(bare: BareSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run a target of make; return its output."""

    def run(target: str) -> str:
        output = tmp_path / target
        start = time.monotonic()
        done = bare.run("make", f"--directory={CLONE}", target, output=output)
        text = output.read_text(encoding="utf-8", errors="replace")
        seconds = time.monotonic() - start
        with capsys.disabled():
            print(f"\n  make {target}: {seconds:.0f} s, {len(text.splitlines())} lines of output")
        assert done.returncode == 0, text[-20_000:]
        return text

    return run


def test_the_demonstration_runs_and_prints_little(make) -> None:
    text = make("run")
    assert SAID in text
    assert len(text.splitlines()) <= MOST_LINES, text


def test_the_tests_of_the_daemon_pass(make) -> None:
    assert " passed" in make("test-daemon")
