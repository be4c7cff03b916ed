"""Whether a command may end where its speaker pauses, by its last words alone.

In: the words so far. Out: the share of commands that end after such words: nearly none after "turn
on the", most after "the kitchen light". The idea is that of Maas et al. (ICASSP 2018), who let a
language model over the end of sentences speak beside silence; here the last two words are enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auricle.errors import ModelError

WORDS = 2  # that count


class Endings:
    """Knows the shares; keeps nothing of a text."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        """Take the share, 0 to 1, for words and pairs of words."""
        self._shares = shares

    @classmethod
    def load(cls, path: Path) -> Endings:
        """Read a file of `WORDS<TAB>SHARE` lines.

        Raises:
            ModelError: it cannot be read, or a line is another.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            shares = {words: float(share) for words, share in (line.split("\t") for line in lines)}
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: {error}; install the bundle again") from error
        wrong = next((words for words, share in shares.items() if not 0 <= share <= 1), None)
        if wrong is not None:
            raise ModelError(
                f"{path}: {wrong}: {shares[wrong]} is not from 0 to 1; install the bundle again"
            )
        return cls(shares)

    def after(self, text: str) -> float | None:
        """Return how many of the commands that come to these words end there, 0 to 1.

        None: nothing is known of such words.
        """
        words = text.split()[-WORDS:]
        for first in range(len(words)):
            share = self._shares.get(" ".join(words[first:]))
            if share is not None:
                return share
        return None
