"""The tokens that the language model reads: pieces of words, and one token a kind of name.

In: words of the wire schema. Out: token ids. Token 0 begins and ends a sentence; pieces follow,
then a token for each kind of name, which `contact-a`, `contact-b` and so on are all read as: what
a device hides says that a name was there, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from auricle.tokenizer import Tokenizer
from auricle.wire.schema import CLASSES

BOUNDARY = 0
KINDS = tuple(kind for kind in CLASSES if kind)
_HIDDEN = re.compile(rf"({'|'.join(KINDS)})-[a-z]{{1,2}}")


class Vocabulary:
    """Writes words in tokens."""

    def __init__(self, pieces: Tokenizer) -> None:
        """Take the pieces of words."""
        self._pieces = pieces

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read a file of pieces; raises ModelError."""
        return cls(Tokenizer.load(path))

    def __len__(self) -> int:
        return len(self._pieces) + len(KINDS)

    def of_kind(self, kind: str) -> int:
        """Return the token of a kind of name."""
        return len(self._pieces) + KINDS.index(kind)

    def of_word(self, word: str) -> tuple[int, ...]:
        """Return the tokens of a word, at least one."""
        hidden = _HIDDEN.fullmatch(word)
        if hidden:
            return (self.of_kind(hidden[1]),)
        return tuple(self._pieces.encode(word)) or (self.of_kind(KINDS[-1]),)

    def of_words(self, words: Sequence[str]) -> list[int]:
        """Return the tokens of a sentence, without its bounds."""
        return [token for word in words for token in self.of_word(word)]
