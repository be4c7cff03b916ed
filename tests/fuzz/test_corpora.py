"""Inputs that once failed, and the seeds, pass: every target on every file of its corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzzing.targets import FOLDER, Target, find_targets

TARGETS = find_targets()
CASES = [(target, path) for target in TARGETS.values() for path in target.inputs()]


@pytest.mark.parametrize(
    ("target", "path"), CASES, ids=[f"{target.name}-{path.name}" for target, path in CASES]
)
def test_each_input_of_the_corpus_passes(target: Target, path: Path) -> None:
    target.load()(path.read_bytes())


def test_each_corpus_has_a_target() -> None:
    assert {folder.name for folder in (FOLDER / "corpus").iterdir()} <= set(TARGETS)
