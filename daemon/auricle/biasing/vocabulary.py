"""The letters of a vocabulary's pieces, for matching names.

In: a tokenizer. Out: for each piece its letters and whether it starts a word, and the pieces as
trees over their letters. Case is ignored, punctuation is dropped, and a hyphen starts a word, as in
`recognizer.surface_forms.Writing.plain`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from auricle.biasing.sorted_texts import Prefixes
from auricle.tokenizer import BLANK, WORD_START, Tokenizer

COMMON_PIECES = 3000  # whole words among the first 3000 pieces are common: order is by frequency


class LetterTree:
    """Pieces as a tree over their letters, and as a list of distinct texts."""

    def __init__(self, pieces: Iterable[tuple[int, str]]) -> None:
        """Build the tree from piece numbers and the letters of each piece."""
        self.following: dict[str, str] = {"": ""}  # prefix -> letters that may follow it
        self.pieces: dict[str, list[int]] = {}  # letters -> pieces spelled with exactly these
        for piece, text in pieces:
            self.pieces.setdefault(text, []).append(piece)
            for end, letter in enumerate(text):
                known = self.following.setdefault(text[:end], "")
                if letter not in known:
                    self.following[text[:end]] = known + letter
        self.texts = Prefixes(self.pieces)
        self.numbers = np.array([one for some in self.pieces.values() for one in some], np.int32)
        counts = [len(some) for some in self.pieces.values()]
        self.rows = np.repeat(
            np.arange(len(counts), dtype=np.int32), counts
        )  # text of each of `numbers`


class Vocabulary:
    """The pieces of one pass; immutable."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Read the pieces; piece 0 (blank or end) has no letters."""
        texts = [piece.lower().replace("-", WORD_START) for piece in tokenizer.pieces]
        texts[BLANK] = ""
        self.letters = tuple(map(_letters_of, texts))
        self.starts = np.array([text.startswith(WORD_START) for text in texts])
        self.counts = self.starts | np.array([bool(letters) for letters in self.letters])
        numbered = list(enumerate(self.letters))
        self.initial = LetterTree(pair for pair in numbered if self.starts[pair[0]])
        self.inner = LetterTree(
            (piece, text) for piece, text in numbered if text and not self.starts[piece]
        )
        self._pieces = tokenizer.pieces

    def __len__(self) -> int:
        return len(self.letters)

    @cached_property
    def alphabet(self) -> str:
        """All letters that occur in its pieces."""
        return "".join(sorted(set("".join(self.letters))))

    @cached_property
    def common_words(self) -> frozenset[str]:
        """Common words, by the order of the pieces."""
        return frozenset(
            piece.removeprefix(WORD_START)
            for piece in self._pieces[BLANK + 1 : COMMON_PIECES]
            if piece.startswith(WORD_START) and piece.islower()
        )


def _letters_of(text: str) -> str:
    """Return the letters of a piece without punctuation."""
    return "".join(letter for letter in text if letter.isalnum() or letter == "'")
