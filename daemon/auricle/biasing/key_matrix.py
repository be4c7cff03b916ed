"""The keys of context attention for all names of a list, computed in slices and kept compact.

In: the sounds of the names, as texts with their hashes, and the context encoder. Out: a matrix with
one row per sound. Up to `EXACT` keys are float32. The keys of a longer list are rounded to 8 bits,
with one scale per key, which takes a quarter of the memory; the keys of 100,000 names take 17 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auricle.biasing.context_attention import ContextEncoder, Floats, Queries

EXACT = 32_768  # keys up to which a list has them as float32: 16 MiB
_BLOCK = 4096  # rounded keys up to which a block grows
# Rounded keys that become float32 at once: 64 KB, which fit into the cache of the processor. Larger
# pieces are up to 10 times as slow: each needs new pages, and BLAS divides it among threads.
_AT_ONCE = 128
_STEPS = 127  # positive values of 8 bits

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Rounded:
    """A block of keys in 8 bits."""

    steps: NDArray[np.int8]  # (keys, width)
    scales: Floats  # (keys, 1)

    def __len__(self) -> int:
        return len(self.steps)

    def parts(self) -> Iterator[Floats]:
        """Yield the keys as float32, (keys, width), a few at a time."""
        for first in range(0, len(self), _AT_ONCE):
            yield self.steps[first : first + _AT_ONCE] * self.scales[first : first + _AT_ONCE]

    def rows(self, keep: NDArray[np.bool_]) -> _Rounded:
        """Return some of the keys."""
        return _Rounded(self.steps[keep], self.scales[keep])


@dataclass(frozen=True, slots=True, eq=False)
class _Exact:
    """A block of keys as float32."""

    floats: Floats  # (keys, width)

    def __len__(self) -> int:
        return len(self.floats)

    def parts(self) -> Iterator[Floats]:
        """Yield the keys at once."""
        yield self.floats

    def rows(self, keep: NDArray[np.bool_]) -> _Exact:
        """Return some of the keys."""
        return _Exact(self.floats[keep])


@dataclass(frozen=True, slots=True, eq=False)
class KeyMatrix:
    """The keys of distinct sounds; immutable. The number of a key is its row."""

    blocks: tuple[_Exact | _Rounded, ...] = ()
    sounds: Integers = field(default_factory=lambda: np.zeros(0, np.int64))  # hash of each sound

    def __len__(self) -> int:
        return len(self.sounds)

    @classmethod
    def of(cls, keys: Floats) -> KeyMatrix:
        """Return the matrix of a few keys, (keys, width), with their numbers as sounds."""
        return cls().extended(keys, np.arange(len(keys)), exact=True)

    @property
    def size(self) -> int:
        """Size in memory."""
        return self.sounds.nbytes + sum(
            one.floats.nbytes if isinstance(one, _Exact) else one.steps.nbytes + one.scales.nbytes
            for one in self.blocks
        )

    def best(self, queries: Queries) -> Floats:
        """Return the best score of each key over all search frames, (keys,), in nats."""
        if not self.blocks:
            return np.zeros(0, np.float32)
        return np.concatenate([queries.best(keys) for keys in self._parts()])

    def scores(self, queries: Queries) -> Floats:
        """Return the score of each key at each search frame, (search frames, keys), in nats."""
        if not self.blocks:
            return np.zeros((len(queries.nothing), 0), np.float32)
        return np.concatenate([queries.scores(keys) for keys in self._parts()], axis=1)

    def numbers_of(self, sounds: Integers) -> NDArray[np.int32]:
        """Return the number of the key of each sound; -1 for a sound without a key."""
        if not len(self.sounds):
            return np.full(len(sounds), -1, np.int32)
        order = np.argsort(self.sounds)
        places = np.searchsorted(self.sounds, sounds, sorter=order)
        numbers = order[np.minimum(places, len(order) - 1)]
        return np.where(self.sounds[numbers] == sounds, numbers, -1).astype(np.int32)

    def extended(self, keys: Floats, sounds: Integers, *, exact: bool) -> KeyMatrix:
        """Return the matrix with more keys.

        Args:
            keys: (keys, width) float32.
            sounds: hash of the sound of each key; none has a key yet.
            exact: keep all keys as float32; keys that were rounded before stay rounded.
        """
        blocks: list[_Exact | _Rounded] = [*self.blocks]
        new: _Exact | _Rounded = _Exact(keys)
        if not exact:
            blocks, new = [_rounded(block) for block in blocks], _rounded(new)
        # One exact block is fastest to search; rounded ones stay short, because they are copied.
        last = blocks[-1] if blocks else None
        if isinstance(last, _Exact) and isinstance(new, _Exact):
            blocks[-1] = _Exact(np.concatenate([last.floats, new.floats]))
        elif isinstance(last, _Rounded) and isinstance(new, _Rounded) and len(last) < _BLOCK:
            steps = np.concatenate([last.steps, new.steps])
            blocks[-1] = _Rounded(steps, np.concatenate([last.scales, new.scales]))
        else:
            blocks.append(new)
        return KeyMatrix(tuple(blocks), np.concatenate([self.sounds, sounds]))

    def _parts(self) -> Iterator[Floats]:
        for block in self.blocks:
            yield from block.parts()

    def kept(self, keep: NDArray[np.bool_]) -> KeyMatrix:
        """Return the matrix with only the keys for which `keep`, (keys,), is true."""
        if keep.all():
            return self
        firsts = np.cumsum([0, *map(len, self.blocks)])
        parts = (
            block.rows(keep[first : first + len(block)])
            for block, first in zip(self.blocks, firsts, strict=False)
        )
        return KeyMatrix(tuple(part for part in parts if len(part)), self.sounds[keep])


def encode(
    matrix: KeyMatrix, texts: Sequence[str], sounds: Integers, encoder: ContextEncoder, total: int
) -> KeyMatrix:
    """Return a matrix with the keys of more sounds.

    Args:
        matrix: the keys so far.
        texts: the sounds as texts.
        sounds: their hashes.
        encoder: context encoder.
        total: number of keys that the list will have.

    Raises:
        ModelError: the network cannot be run.
    """
    return matrix.extended(encoder.keys(texts), sounds, exact=total <= EXACT)


def _rounded(block: _Exact | _Rounded) -> _Rounded:
    if isinstance(block, _Rounded):
        return block
    largest = np.abs(block.floats).max(axis=1, keepdims=True, initial=1e-9)
    scales = (largest / _STEPS).astype(np.float32)
    return _Rounded(np.rint(block.floats / scales).astype(np.int8), scales)
