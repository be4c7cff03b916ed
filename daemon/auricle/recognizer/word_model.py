"""The word language model's file: the lexicon and the n-grams over its words, mapped, not read.

In: a file that `python -m auricle_train train-word-lm` makes. Out: a `WordModel`, or an error that
says what is wrong with the file.

The file: `HEADER`; a `LEVEL` for each length of n-grams; the lexicon's columns, node by node its
token and how many nodes follow it, in the highest bit whether a word ends there; then, length by
length, of each n-gram the lower two bytes of its last word, the upper one, its log probability, how
many n-grams go on from it, and its log backoff; the longest lack the last two. n-grams stand in the
order of their words, as in `language.py`.
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
from auricle.recognizer.model_file import LEVEL, FileKind, check_header, mapped, pack_header
from auricle.recognizer.word_ngrams import WordLevel, WordNgrams

HEADER = struct.Struct("<8sIIIII16s")  # magic, version, order, tokens, nodes, checksum, vocabulary
KIND = FileKind("word language model", b"AURWORDS", 1, HEADER, longest=4)
MOST_WORDS = 1 << 24  # three bytes
_END = 0x8000  # a word ends at this node


@dataclass(frozen=True, slots=True, eq=False)
class WordModel:
    """Words and what is known of their order; word w of the lexicon is w + 1 of the n-grams."""

    lexicon: Lexicon
    ngrams: WordNgrams

    @classmethod
    def load(cls, path: Path, pieces: Sequence[str]) -> WordModel:
        """Map a file.

        Args:
            path: file to read.
            pieces: the vocabulary that the words must be written with.

        Raises:
            ModelError: the file is missing, damaged, too new, or of another vocabulary.
        """
        content = mapped(path)
        order, (nodes,) = check_header(path, content, KIND, pieces)
        reader = _Reader(content, HEADER.size + order * LEVEL.size)
        headers = [LEVEL.unpack_from(content, HEADER.size + length * LEVEL.size)
                   for length in range(order)]  # fmt: skip
        try:
            lexicon = _lexicon(reader, nodes)
            levels = [_level(reader, header, header is headers[-1]) for header in headers]
            whole = reader.place == len(content) and _fits(lexicon, levels, len(pieces))
        except ValueError:  # a column ends behind the file
            whole = False
        if not whole:
            raise ModelError(f"{path}: its parts do not fit each other: reinstall the bundle")
        return cls(lexicon, WordNgrams(levels))


class _Reader:
    """Takes columns off a mapped file, one after another."""

    def __init__(self, content: mmap, place: int) -> None:
        self._content = content
        self.place = place

    def column(self, kind: type[np.unsignedinteger[Any]], size: int) -> NDArray[Any]:
        start, self.place = self.place, self.place + size * np.dtype(kind).itemsize
        return np.frombuffer(self._content, kind, size, start)


def _lexicon(reader: _Reader, nodes: int) -> Lexicon:
    tokens, following = reader.column(np.uint16, nodes), reader.column(np.uint16, nodes)
    return Lexicon(tokens, following & np.uint16(_END - 1), (following & np.uint16(_END)) != 0)


def _level(reader: _Reader, header: Any, longest: bool) -> WordLevel:
    size, step, least_backoff, backoff_step = header
    low, high = reader.column(np.uint16, size), reader.column(np.uint8, size)
    log_probs = reader.column(np.uint8, size)
    columns = 0 if longest else size
    children, backoffs = reader.column(np.uint16, columns), reader.column(np.uint8, columns)
    first = np.concatenate([[0], np.cumsum(children, dtype=np.int64)]).astype(np.int32)
    return WordLevel(low, high, first, log_probs, backoffs, step, least_backoff, backoff_step)


def _fits(lexicon: Lexicon, levels: Sequence[WordLevel], tokens: int) -> bool:
    """Return whether words and n-grams, each whole, go together."""
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
    """Return the file of a lexicon and n-grams over its words.

    Args:
        lexicon: of at least one word.
        levels: the tokens of which are numbers of words, counted from 1.
        pieces: the vocabulary.

    Raises:
        ValueError: there are more words, or more n-grams after one, than the file can tell.
    """
    following = lexicon.children | np.where(lexicon.ends, np.uint16(_END), np.uint16(0))
    parts = [
        LEVEL.pack(len(level.tokens), level.step, level.least_backoff, level.backoff_step)
        for level in levels
    ] + [lexicon.tokens.tobytes(), following.tobytes()]
    for level in levels:
        words, children = level.tokens.astype(np.int64), np.diff(level.first)
        if len(words) and (words.max() >= MOST_WORDS or children.max(initial=0) >= 1 << 16):
            raise ValueError("words: more than the file can tell of")
        columns: list[NDArray[Any]] = [
            (words & 0xFFFF).astype(np.uint16), (words >> 16).astype(np.uint8), level.log_probs
        ]  # fmt: skip
        if level is not levels[-1]:
            columns += [children.astype(np.uint16), level.backoffs]
        parts += [column.tobytes() for column in columns]
    body = b"".join(parts)
    return pack_header(KIND, len(levels), pieces, (len(lexicon.tokens),), body) + body
