"""Hypothesis strategies for fuzz targets: random bytes, and mutations of the corpus."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzzing.mutations import mutants
from fuzzing.targets import FOLDER


def inputs_of(target: str) -> st.SearchStrategy[bytes]:
    """Return a strategy of inputs for a target: mutations of its corpus, or random bytes."""
    folder = FOLDER / "corpus" / target
    corpus = [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []
    mutated = st.integers(0, 2**32).map(lambda seed: next(mutants(corpus, seed)))
    return st.one_of(mutated, st.binary(max_size=300))
