"""Random changes of an input, for machines without a coverage-guided fuzzer.

In: a corpus. Out: an endless stream of mutated inputs: flipped bits, other bytes, numbers at their
limits, removed, repeated and exchanged pieces, and pieces of other inputs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

LONGEST = 1 << 16  # bytes of an input
MOST_CHANGES = 8
INTERESTING = (
    *(bytes([byte]) for byte in (0, 1, 9, 10, 13, 32, 34, 39, 58, 91, 92, 93, 123, 125, 127, 255)),
    *(value.to_bytes(4, "little") for value in (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**26, 2**27)),
    *(value.to_bytes(2, "big") for value in (0xFFFE, 0xD800, 0xFFFF)),
    *(text.encode() for text in ("1e999", "-1", "NaN", "null", "true", "9" * 400, "[" * 3000)),
    *(
        text.encode()
        for text in ("\u2003", "\u202e", "\ufeff", "é", "𝔸", "off", "!!int ''", "&a *a")
    ),
    "\ud800".encode("utf-8", "surrogatepass"),
)

Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def mutants(corpus: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Yield mutated inputs without end, each at most LONGEST bytes; equal seeds give equal ones."""
    choose = random.Random(seed)
    known = [*corpus, b""]
    while True:
        data = bytearray(choose.choice(known))
        for _ in range(choose.randint(1, MOST_CHANGES)):
            choose.choice(CHANGES)(data, choose, known)
        yield bytes(data[:LONGEST])


def _flip(data: bytearray, choose: random.Random, _: Sequence[bytes]) -> None:
    if data:
        data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)


def _overwrite(data: bytearray, choose: random.Random, _: Sequence[bytes]) -> None:
    piece = choose.choice(INTERESTING)
    begin = choose.randint(0, len(data))
    data[begin : begin + len(piece)] = piece


def _insert(data: bytearray, choose: random.Random, _: Sequence[bytes]) -> None:
    begin = choose.randint(0, len(data))
    data[begin:begin] = choose.choice(INTERESTING)


def _remove(data: bytearray, choose: random.Random, _: Sequence[bytes]) -> None:
    begin, end = _span(data, choose)
    del data[begin:end]


def _repeat(data: bytearray, choose: random.Random, _: Sequence[bytes]) -> None:
    begin, end = _span(data, choose)
    times = min(choose.choice((1, 2, 16, 256)), LONGEST // max(1, end - begin))
    data[end:end] = data[begin:end] * times


def _exchange(data: bytearray, choose: random.Random, _: Sequence[bytes]) -> None:
    (first, end), (other, _end) = _span(data, choose), _span(data, choose)
    data[first:end], data[other : other + 1] = data[other : other + 1], data[first:end]


def _splice(data: bytearray, choose: random.Random, known: Sequence[bytes]) -> None:
    other = choose.choice(known)
    begin, end = _span(other, choose)
    place, stop = _span(data, choose)
    data[place:stop] = other[begin:end]


def _span(data: bytes | bytearray, choose: random.Random) -> tuple[int, int]:
    """Return begin and end of a random piece, which is short more often than long."""
    begin = choose.randint(0, len(data))
    length = min(len(data) - begin, 1 << choose.randrange(12))
    return begin, begin + choose.randint(0, length)


CHANGES: tuple[Change, ...] = (
    _flip,
    _overwrite,
    _insert,
    _remove,
    _repeat,
    _exchange,
    _splice,
)
