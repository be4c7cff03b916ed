"""Sorted texts in one block of memory, for lists of hundreds of thousands.

In: distinct texts without line breaks. Out: their positions by text or by prefix, and copies with
texts inserted or removed. A text takes its UTF-8 bytes and five more; Python objects would take
about a hundred bytes each. The order is that of the bytes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.uint32]
Indices = NDArray[np.intp]
_STEP = 32  # texts per group; the first text of each group is kept as an object, for bisection
_END = b"\n"  # ends each text
_LAST = b"\xff"  # sorts after every byte of UTF-8
_READ = 2048  # texts of a range up to which they are read at once
_HEAD_BYTES = 8  # bytes of a text that `heads` compares at once


class Span(NamedTuple):
    """A range of the sorted texts."""

    low: int
    high: int  # excluded


class Prefixes:
    """Many prefixes, prepared for `SortedTexts.spans`."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Take distinct texts."""
        some = [text.encode() for text in texts]
        self.letters = np.array([len(text.decode()) for text in some], np.uint16)
        self.long = {row: text for row, text in enumerate(some) if len(text) > _HEAD_BYTES}
        self.least = _heads(some, b"\0")
        self.greatest = _heads(some, _LAST)

    def __len__(self) -> int:
        return len(self.letters)


class SortedTexts:
    """Immutable sorted texts, as UTF-8."""

    def __init__(self, blob: bytes = b"", starts: Offsets | None = None) -> None:
        """Take sorted texts.

        Args:
            blob: the texts, each with a line break at its end.
            starts: (n + 1,) uint32, start of each text in `blob`, and the length of `blob`.
        """
        self._blob = blob
        self.starts = np.zeros(1, np.uint32) if starts is None else starts
        self._count = len(self.starts) - 1
        self._offsets = self.starts.data
        self._heads: NDArray[np.uint64] | None = None
        self._firsts = tuple(self[index] for index in range(0, len(self), _STEP))

    @classmethod
    def of(cls, texts: Iterable[bytes]) -> SortedTexts:
        """Return distinct texts in sorted order."""
        return cls().inserted(sorted(texts))[0]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> bytes:
        """Return a text by its position, 0 to len - 1."""
        return self._blob[self._offsets[index] : self._offsets[index + 1] - 1]

    def __iter__(self) -> Iterator[bytes]:
        for low in range(0, len(self), _STEP):
            yield from self._group(low, min(low + _STEP, len(self)))

    def __eq__(self, other: object) -> bool:
        return self._blob == other._blob if isinstance(other, SortedTexts) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._blob)

    @property
    def size(self) -> int:
        """Size in memory."""
        return len(self._blob) + self.starts.nbytes

    def between(self, span: Span) -> list[bytes]:
        """Return the texts of a range."""
        return self._group(*span) if span.low < span.high else []

    def position(self, text: bytes) -> int:
        """Return the position of the first text that is not less than `text`."""
        group = bisect_right(self._firsts, text) - 1
        if group < 0:
            return 0
        low, offsets = group * _STEP, self._offsets
        high = min(low + _STEP, self._count)
        return low + bisect_left(self._blob[offsets[low] : offsets[high] - 1].split(_END), text)

    def find(self, text: bytes) -> int:
        """Return the position of a text; -1 if it is missing."""
        place = self.position(text)
        return place if place < self._count and self[place] == text else -1

    def begins(self, prefix: bytes) -> bool:
        """Return whether a text begins with a prefix."""
        place = self.position(prefix)
        return place < len(self) and self[place].startswith(prefix)

    def span(self, prefix: bytes) -> Span:
        """Return the range of texts that begin with a prefix."""
        return Span(self.position(prefix), self.position(prefix + _LAST))

    def spans(self, prefixes: Prefixes) -> NDArray[np.intp]:
        """Return the range of texts that begin with each prefix, (prefixes, 2)."""
        if self._heads is None:
            self._heads = self._first_bytes()
        heads = self._heads
        low = np.searchsorted(heads, prefixes.least, "left")
        high = np.searchsorted(heads, prefixes.greatest, "right")
        found = np.stack([low, high], axis=1)
        for row, text in prefixes.long.items():
            if low[row] < high[row]:
                found[row] = self.span(text)
        return found

    def growing(self, prefix: bytes) -> Growing:
        """Return the range of texts that begin with a prefix, to be narrowed letter by letter."""
        return Growing(self, self.span(prefix))

    def release(self) -> None:
        """Free what `spans` keeps for the next call."""
        self._heads = None

    def _first_bytes(self) -> NDArray[np.uint64]:
        """Return the first bytes of each text as a number, (n,) uint64, in the same order."""
        codes = np.frombuffer(self._blob + bytes(_HEAD_BYTES), np.uint8)
        place = np.arange(_HEAD_BYTES, dtype=np.uint32)
        heads = codes[self.starts[:-1, np.newaxis] + place]
        heads[place >= (np.diff(self.starts) - 1)[:, np.newaxis]] = 0
        numbers: NDArray[np.uint64] = heads.view(">u8")[:, 0].astype(np.uint64)
        return numbers

    def inserted(self, texts: Sequence[bytes]) -> tuple[SortedTexts, Indices, Indices]:
        """Return a copy with more texts.

        Args:
            texts: sorted distinct texts, which may be here already.

        Returns:
            The copy, the position in it of each text of this one, and that of each of `texts`.
        """
        places = np.array([self.position(text) for text in texts], np.intp)
        known = zip(texts, places.tolist(), strict=True)
        is_new = np.array([at == len(self) or self[at] != text for text, at in known], np.bool_)
        before = places[is_new]
        blob, end = memoryview(self._blob), 0
        parts: list[bytes | memoryview] = []
        new = [texts[row] for row in np.flatnonzero(is_new).tolist()]
        for text, place in zip(new, before.tolist(), strict=True):
            begin, end = end, self._offsets[place]
            parts += (blob[begin:end], text, _END)
        parts.append(blob[end:])
        moved = np.arange(len(self)) + np.searchsorted(before, np.arange(len(self)), "right")
        lengths = np.empty(len(self) + len(before), np.uint32)
        lengths[moved] = np.diff(self.starts)
        places += np.cumsum(is_new) - is_new  # as many places further as there are new ones before
        lengths[places[is_new]] = [len(text) + 1 for text in new]
        return SortedTexts(b"".join(parts), _starts(lengths)), moved, places

    def kept(self, keep: NDArray[np.bool_]) -> SortedTexts:
        """Return a copy with only the texts for which `keep`, (n,), is true."""
        lengths = np.diff(self.starts)
        codes = np.frombuffer(self._blob, np.uint8)[np.repeat(keep, lengths)]
        return SortedTexts(codes.tobytes(), _starts(lengths[keep]))

    def letters(self) -> NDArray[np.uint16]:
        """Return the number of characters of each text, (n,)."""
        lengths = np.diff(self.starts) - np.uint32(1)
        if not self._blob.isascii():
            codes = np.frombuffer(self._blob, np.uint8)
            inner = np.concatenate([[0], np.cumsum((codes & 0xC0) == 0x80)]).astype(np.uint32)
            lengths -= np.diff(inner[self.starts])
        return lengths.astype(np.uint16)

    def _group(self, low: int, high: int) -> list[bytes]:
        return self._blob[self._offsets[low] : self._offsets[high] - 1].split(_END)


class Growing:
    """A range of texts with a common prefix; immutable."""

    def __init__(self, texts: SortedTexts, span: Span) -> None:
        """Take a range of `texts`; a short one is read at once."""
        self.span = span
        self._texts = texts
        self._read = texts.between(span) if span.high - span.low <= _READ else None
        self._offset = span.low

    def __bool__(self) -> bool:
        return self.span.low < self.span.high

    def narrowed(self, prefix: bytes) -> Growing:
        """Return the range of a longer prefix."""
        if self._read is None:
            return Growing(self._texts, self._texts.span(prefix))
        low, high = self.span.low - self._offset, self.span.high - self._offset
        low = bisect_left(self._read, prefix, low, high)
        high = bisect_left(self._read, prefix + _LAST, low, high)
        narrower = copy(self)
        narrower.span = Span(low + self._offset, high + self._offset)
        return narrower


def _heads(texts: Sequence[bytes], fill: bytes) -> NDArray[np.uint64]:
    """Return the first bytes of each text as a number, (texts,)."""
    heads = (text[:_HEAD_BYTES].ljust(_HEAD_BYTES, fill) for text in texts)
    return np.array([int.from_bytes(head) for head in heads], np.uint64)


def _starts(lengths: NDArray[np.uint32]) -> Offsets:
    starts = np.zeros(len(lengths) + 1, np.uint32)
    np.cumsum(lengths, out=starts[1:])
    return starts
