"""The token language model: a backoff n-gram model over tokens, in one memory-mapped file.

In: a file written by `python -m auricle_train train-token-lm`. Out: the log probabilities of all
tokens after a state. A state is the tuple of the last tokens that still matter. `step` appends a
token and drops tokens from the front until some n-gram of the model continues the rest. So states
with equal futures are equal.

File format: `HEADER`; one `LEVEL` per n-gram length; then, for each length, one column each of the
last token, the log probability, the number of child n-grams, and the log backoff weight of all
n-grams. The longest n-grams lack the last two columns. n-grams are sorted by their tokens, so the
children of an n-gram (those one token longer) are neighbours at the next length. Log probabilities
and backoffs are quantized to bytes: steps below 0, and steps above `least_backoff`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelError
from auricle.recognizer.model_file import (
    LEVEL,
    FileKind,
    LevelHeader,
    check_header,
    level_headers,
    mapped,
    pack_header,
)
from auricle.tokenizer import BLANK

HEADER = struct.Struct("<8sIIII16s")  # magic, version, order, tokens, checksum, vocabulary
KIND = FileKind("token language model", b"AURNGRAM", 1, HEADER, longest=8)

State = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NgramLevel:
    """The n n-grams of one length."""

    tokens: NDArray[np.uint16]  # (n,) the last token of each
    first: NDArray[np.int64]  # (n + 1,) index of its first child at the next length
    log_probs: NDArray[np.uint8]  # (n,) in steps of `step`, below 0
    backoffs: NDArray[np.uint8]  # (n,) in steps of `backoff_step`, above `least_backoff`
    step: float
    least_backoff: float
    backoff_step: float


class LanguageModel:
    """Log probabilities of the next token, given the tokens before."""

    def __init__(self, levels: Sequence[NgramLevel]) -> None:
        """Build the model from its levels, unigrams first; `load` reads them from a file."""
        self._levels = tuple(levels)
        tokens = levels[0]
        self._unigrams = -tokens.step * tokens.log_probs.astype(np.float32)
        self._unigrams[BLANK] = -np.inf

    @classmethod
    def load(cls, path: Path, pieces: Sequence[str]) -> LanguageModel:
        """Map a file into memory.

        Args:
            path: file to read.
            pieces: vocabulary that the model must have been made for.

        Raises:
            ModelError: the file is missing, damaged, too new, or made for another vocabulary.
        """
        content = mapped(path)
        order, _ = check_header(path, content, KIND, pieces)
        headers = level_headers(path, content, HEADER.size, order)
        levels: list[NgramLevel] = []
        place = HEADER.size + order * LEVEL.size
        try:
            for header in headers:
                level, place = _level(content, place, header, header is headers[-1])
                levels.append(level)
            following = [len(level.tokens) for level in levels[1:]] + [0]
            fits = len(levels[0].tokens) == len(pieces) and place == len(content)
            fits = fits and [int(level.first[-1]) for level in levels] == following
            fits = fits and all(int(level.tokens.max(initial=0)) < len(pieces) for level in levels)
        except ValueError:  # a column exceeds the file
            fits = False
        if not fits:
            raise ModelError(f"{path}: its n-grams do not fit each other: reinstall the bundle")
        return cls(levels)

    @property
    def order(self) -> int:
        """Length of the longest n-grams."""
        return len(self._levels)

    def initial_state(self) -> State:
        """Return the empty state: no information about earlier tokens."""
        return ()

    def step(self, state: State, token: int) -> State:
        """Return the state after one more token."""
        following = (*state, token)[-(self.order - 1) :] if self.order > 1 else ()
        while following and self._continuations(following) is None:
            following = following[1:]
        return following

    def log_probs(self, state: State) -> NDArray[np.float32]:
        """Return the log probability of each token after a state.

        Returns:
            (vocabulary,) float32; minus infinity for blank.
        """
        scores = self._unigrams.copy()
        for length in range(1, len(state) + 1):
            place = self._continuations(state[-length:])
            if place is None:
                continue
            node, children = place
            level, longer = self._levels[length - 1], self._levels[length]
            scores += level.least_backoff + level.backoff_step * int(level.backoffs[node])
            scores[longer.tokens[children]] = -longer.step * longer.log_probs[children].astype(
                np.float32
            )
        return scores

    def _continuations(self, tokens: State) -> tuple[int, slice] | None:
        """Return the index of an n-gram and the range of its children; None without children."""
        node = tokens[0]
        first = self._levels[0].first
        children = slice(int(first[node]), int(first[node + 1]))
        for level, token in zip(self._levels[1:], tokens[1:], strict=False):
            neighbours = level.tokens[children]
            index = int(neighbours.searchsorted(token))
            if index == len(neighbours) or neighbours[index] != token:
                return None
            node = children.start + index
            children = slice(int(level.first[node]), int(level.first[node + 1]))
        return (node, children) if children.start < children.stop else None


def _level(
    content: mmap, place: int, header: LevelHeader, longest: bool
) -> tuple[NgramLevel, int]:
    """Return the level at a position of the file, and the position of the next level."""
    size, step, least_backoff, backoff_step = header

    def column(kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
        nonlocal place
        start, place = place, place + size * np.dtype(kind).itemsize
        return np.frombuffer(content, kind, size, start)

    tokens, log_probs = column(np.uint16), column(np.uint8)
    nothing = np.zeros(size, np.uint8)
    children, backoffs = (nothing, nothing) if longest else (column(np.uint16), column(np.uint8))
    first = np.concatenate([[0], np.cumsum(children, dtype=np.int64)])
    return NgramLevel(tokens, first, log_probs, backoffs, step, least_backoff, backoff_step), place


def pack(levels: Sequence[NgramLevel], pieces: Sequence[str]) -> bytes:
    """Return the content of a model file."""
    parts = [
        LEVEL.pack(len(level.tokens), level.step, level.least_backoff, level.backoff_step)
        for level in levels
    ]
    for level in levels:
        columns: list[NDArray[Any]] = [level.tokens, level.log_probs]
        if level is not levels[-1]:
            columns += [np.diff(level.first).astype(np.uint16), level.backoffs]
        parts += [column.tobytes() for column in columns]
    body = b"".join(parts)
    return pack_header(KIND, len(levels), pieces, (), body) + body
