"""A small n-gram language model over tokens, in one file that is mapped, not read.

In: a file that `python -m auricle_train train-token-lm` makes. Out: the log probabilities of all
tokens after a state. A state is the tuple of the tokens before that still matter: it grows by
`step` and loses at its front what no n-gram of the model goes on from, so that equal futures are
equal states.

The file: `HEADER`; a `LEVEL` for each length of n-grams; then, length by length, of each n-gram its
last token, its log probability, how many n-grams go on from it, and its log backoff; the longest
lack the last two. n-grams stand in the order of their tokens, so that those that go on from one
are neighbours. Probabilities and backoffs are bytes: steps below 0, and steps above the least one.
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
from auricle.recognizer.model_file import LEVEL, FileKind, check_header, mapped, pack_header
from auricle.tokenizer import BLANK

HEADER = struct.Struct("<8sIIII16s")  # magic, version, order, tokens, checksum, vocabulary
KIND = FileKind("n-gram model", b"AURNGRAM", 1, HEADER, longest=8)

State = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class NgramLevel:
    """The n-grams of one length, n of them."""

    tokens: NDArray[np.uint16]  # (n,) the last token of each
    first: NDArray[np.int64]  # (n + 1,) where its children begin at the next length
    log_probs: NDArray[np.uint8]  # (n,) in steps of `step`, below 0
    backoffs: NDArray[np.uint8]  # (n,) in steps of `backoff_step`, above `least_backoff`
    step: float
    least_backoff: float
    backoff_step: float


class LanguageModel:
    """What the next token may be, given the tokens before."""

    def __init__(self, levels: Sequence[NgramLevel]) -> None:
        """Take the n-grams, the single tokens first; `load` reads them from a file."""
        self._levels = tuple(levels)
        tokens = levels[0]
        self._unigrams = -tokens.step * tokens.log_probs.astype(np.float32)
        self._unigrams[BLANK] = -np.inf

    @classmethod
    def load(cls, path: Path, pieces: Sequence[str]) -> LanguageModel:
        """Map a file.

        Args:
            path: file to read.
            pieces: the vocabulary that the model must be of.

        Raises:
            ModelError: the file is missing, damaged, too new, or of another vocabulary.
        """
        content = mapped(path)
        order, _ = check_header(path, content, KIND, pieces)
        levels: list[NgramLevel] = []
        place = HEADER.size + order * LEVEL.size
        try:
            for length in range(order):
                header = LEVEL.unpack_from(content, HEADER.size + length * LEVEL.size)
                level, place = _level(content, place, header, length == order - 1)
                levels.append(level)
            following = [len(level.tokens) for level in levels[1:]] + [0]
            fits = len(levels[0].tokens) == len(pieces) and place == len(content)
            fits = fits and [int(level.first[-1]) for level in levels] == following
        except ValueError:  # a column ends behind the file
            fits = False
        if not fits:
            raise ModelError(f"{path}: its n-grams do not fit each other: reinstall the bundle")
        return cls(levels)

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self._levels)

    def initial_state(self) -> State:
        """Return the state in which nothing is known of the tokens before."""
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
            (vocabulary,) float32, natural log; minus infinity for blank.
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
        """Return an n-gram's place and that of its children; None if it has none."""
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


def _level(content: mmap, place: int, header: Any, longest: bool) -> tuple[NgramLevel, int]:
    """Return the level that begins at a place of the file, and where the next one does."""
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
    """Return the file of a model over a vocabulary."""
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
