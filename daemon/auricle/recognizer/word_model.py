"""The file of the word language model: a lexicon and n-grams over its words, memory-mapped.

In: a file written by `python -m auricle_train train-word-lm`. Out: a `WordModel`, or a ModelError
that says what is wrong with the file.

File format: `HEADER`; one `LEVEL` per n-gram length; two columns of the lexicon: the token of each
node, and its number of children with the highest bit set if a word ends there; then, for each
n-gram length, one column each of the lower two bytes of the last word, its upper byte, the log
probability, the number of child n-grams, and the log backoff weight. The longest n-grams lack the
last two columns. n-grams are sorted by their words, as in `language_model.py`.
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
from auricle.recognizer.language_model import NgramLevel
from auricle.recognizer.lexicon import Lexicon
from auricle.recognizer.model_file import (
    LEVEL,
    FileKind,
    LevelHeader,
    check_header,
    level_headers,
    mapped,
    pack_header,
)
from auricle.recognizer.word_ngrams import WordLevel, WordNgrams

HEADER = struct.Struct("<8sIIIII16s")  # magic, version, order, tokens, nodes, checksum, vocabulary
KIND = FileKind("word language model", b"AURWORDS", 1, HEADER, longest=4)
MOST_WORDS = 1 << 24  # word numbers have three bytes
_END = 0x8000  # flag: a word ends at this node


@dataclass(frozen=True, slots=True, eq=False)
class WordModel:
    """The lexicon and the n-grams; word w of the lexicon is word w + 1 of the n-grams."""

    lexicon: Lexicon
    ngrams: WordNgrams

    @classmethod
    def load(cls, path: Path, pieces: Sequence[str]) -> WordModel:
        """Map a file into memory.

        Args:
            path: file to read.
            pieces: vocabulary that the model must have been made for.

        Raises:
            ModelError: the file is missing, damaged, too new, or made for another vocabulary.
        """
        content = mapped(path)
        order, (nodes,) = check_header(path, content, KIND, pieces)
        reader = _Reader(content, HEADER.size + order * LEVEL.size)
        headers = level_headers(path, content, HEADER.size, order)
        try:
            lexicon = _lexicon(reader, nodes)
            levels = [_level(reader, header, header is headers[-1]) for header in headers]
            whole = reader.place == len(content) and _fits(lexicon, levels, len(pieces))
        except ValueError:  # a column exceeds the file
            whole = False
        if not whole:
            raise ModelError(f"{path}: its parts do not fit each other: reinstall the bundle")
        return cls(lexicon, WordNgrams(levels))


class _Reader:
    """Reads columns of a mapped file one after another."""

    def __init__(self, content: mmap, place: int) -> None:
        self._content = content
        self.place = place

    def column(self, kind: type[np.unsignedinteger[Any]], size: int) -> NDArray[Any]:
        start, self.place = self.place, self.place + size * np.dtype(kind).itemsize
        return np.frombuffer(self._content, kind, size, start)


def _lexicon(reader: _Reader, nodes: int) -> Lexicon:
    tokens, following = reader.column(np.uint16, nodes), reader.column(np.uint16, nodes)
    return Lexicon(tokens, following & np.uint16(_END - 1), (following & np.uint16(_END)) != 0)


def _level(reader: _Reader, header: LevelHeader, longest: bool) -> WordLevel:
    size, step, least_backoff, backoff_step = header
    low, high = reader.column(np.uint16, size), reader.column(np.uint8, size)
    log_probs = reader.column(np.uint8, size)
    columns = 0 if longest else size
    children, backoffs = reader.column(np.uint16, columns), reader.column(np.uint8, columns)
    first = np.concatenate([[0], np.cumsum(children, dtype=np.int64)]).astype(np.int32)
    return WordLevel(low, high, first, log_probs, backoffs, step, least_backoff, backoff_step)


def _fits(lexicon: Lexicon, levels: Sequence[WordLevel], tokens: int) -> bool:
    """Return whether lexicon and n-grams are consistent, each in itself and with each other."""
    if not lexicon.is_whole() or int(lexicon.tokens.max()) >= tokens:
        return False
    following = [len(level.low) for level in levels[1:]] + [0]
    if [int(level.first[-1]) for level in levels] != following:
        return False
    count = len(lexicon.leaves) + 1
    everything = slice(0, None)
    return len(levels[0].low) == count and all(
        int(level.words(everything).max(initial=0)) < count for level in levels
    )


def pack(lexicon: Lexicon, levels: Sequence[NgramLevel], pieces: Sequence[str]) -> bytes:
    """Return the content of a file.

    Args:
        lexicon: lexicon of at least one word.
        levels: n-grams, whose `tokens` are word numbers counted from 1.
        pieces: vocabulary.

    Raises:
        ValueError: there are more words, or more children of an n-gram, than the format allows.
    """
    following = lexicon.children | np.where(lexicon.ends, np.uint16(_END), np.uint16(0))
    parts = [
        LEVEL.pack(len(level.tokens), level.step, level.least_backoff, level.backoff_step)
        for level in levels
    ] + [lexicon.tokens.tobytes(), following.tobytes()]
    for level in levels:
        words, children = level.tokens.astype(np.int64), np.diff(level.first)
        if len(words) and (words.max() >= MOST_WORDS or children.max(initial=0) >= 1 << 16):
            raise ValueError("levels: more words or child n-grams than the format allows")
        columns: list[NDArray[Any]] = [
            (words & 0xFFFF).astype(np.uint16), (words >> 16).astype(np.uint8), level.log_probs
        ]  # fmt: skip
        if level is not levels[-1]:
            columns += [children.astype(np.uint16), level.backoffs]
        parts += [column.tobytes() for column in columns]
    body = b"".join(parts)
    return pack_header(KIND, len(levels), pieces, (len(lexicon.tokens),), body) + body
