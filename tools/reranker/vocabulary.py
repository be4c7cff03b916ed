"""The vocabulary of the language model: word pieces, and one token per kind of name.

In: words of the wire schema. Out: token ids. Token 0 starts and ends a sentence. Word pieces
follow, then one token per kind of name: `contact-a`, `contact-b` and so on have the same token,
because these placeholders only tell that a name of this kind was said.
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
    """Maps words to tokens."""

    def __init__(self, pieces: Tokenizer) -> None:
        """Store the tokenizer of word pieces."""
        self._pieces = pieces

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read a file of pieces.

        Raises:
            ModelError: the file is not valid.
        """
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
        """Return the tokens of a sentence, without start and end."""
        return [token for word in words for token in self.of_word(word)]
