"""Tokenizer: converts text to token ids and back, without the `sentencepiece` package.

The vocabulary is a text file with one piece per line: the piece, a tab, and its unigram log
probability. Line 0 is blank. A piece that begins with "▁" starts a word. Encoding finds the most
probable segmentation under the unigram model of Kudo (arXiv:1804.10959), as `sentencepiece` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from auricle.errors import MalformedError, ModelError
from auricle.parsing.files import read_regular

BLANK = 0
MOST_BYTES = 16 * 1024 * 1024  # of a vocabulary file; one of 35,000 pieces has 650 KB
WORD_START = "▁"


class Tokenizer:
    """Encodes text as token ids and decodes them."""

    def __init__(self, pieces: Sequence[str], scores: Sequence[float]) -> None:
        self.pieces = tuple(pieces)
        self._scores = dict(zip(self.pieces[1:], scores[1:], strict=True))
        self._ids = {piece: number for number, piece in enumerate(self.pieces) if number != BLANK}
        self._longest = max(map(len, self._ids), default=0)

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Read a vocabulary file.

        Raises:
            ModelError: the file is missing, a line is not `piece<TAB>score` with a finite score, or
                a piece repeats.
        """
        pieces: list[str] = []
        scores: list[float] = []
        try:
            lines = read_regular(path, MOST_BYTES).decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError, MalformedError) as error:
            raise ModelError(f"{path}: {error}: reinstall the model bundle") from error
        for number, line in enumerate(lines, start=1):
            piece, tab, score = line.partition("\t")
            try:
                scores.append(_finite(score))
            except ValueError:
                raise ModelError(
                    f"{path}:{number}: {line!r} is not a piece, a tab and a number: "
                    "reinstall the model bundle"
                ) from None
            pieces.append(piece)
        if len(pieces) < 2 or len(set(pieces)) != len(pieces):
            raise ModelError(
                f"{path}: must hold blank and distinct pieces: reinstall the model bundle"
            )
        return cls(pieces, scores)

    def __len__(self) -> int:
        return len(self.pieces)

    def score(self, piece: str) -> float:
        """Return the unigram log probability of a piece."""
        return self._scores[piece]

    def decode(self, tokens: Iterable[int]) -> str:
        """Return the text of token ids; blanks are skipped."""
        text = "".join(self.pieces[token] for token in tokens if token != BLANK)
        return text.replace(WORD_START, " ").strip()

    def encode(self, text: str) -> list[int]:
        """Return the most probable tokens of a text; characters without a piece are dropped."""
        return [token for word in text.split() for token in self._encode_word(WORD_START + word)]

    def _encode_word(self, word: str) -> list[int]:
        """Return the most probable tokens of a word by the Viterbi algorithm."""
        best: list[tuple[float, int, int | None]] = [(0.0, 0, None)]  # score, start, token
        for end in range(1, len(word) + 1):
            # Skipping a character costs more than any piece, so it happens only without a piece.
            top: tuple[float, int, int | None] = (best[end - 1][0] - 1000.0, end - 1, None)
            for start in range(max(0, end - self._longest), end):
                score = self._scores.get(word[start:end], -math.inf) + best[start][0]
                if score > top[0]:
                    top = (score, start, self._ids[word[start:end]])
            best.append(top)
        tokens: list[int] = []
        end = len(word)
        while end > 0:
            _, start, token = best[end]
            if token is not None:
                tokens.append(token)
            end = start
        return tokens[::-1]


def _finite(text: str) -> float:
    """Return the number in a text; raises ValueError for anything else, and for NaN."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number
