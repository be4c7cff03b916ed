"""The shortlist: the few names of a long list that context attention finds in an utterance.

In: the keys of all forms, and at the end of an utterance the best attention score of each key.
Out: the forms for which the second pass gets a larger bonus, with their share of the bonus
(`Keys.listed`). Forms of the same sound, such as a name and its possessive ("siobhan",
"siobhan's"), share a key. `attended` gives the attention over time, for the picture of
`auricle transcribe --attention`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auricle.biasing.context_attention import Floats, Queries
from auricle.biasing.form_table import OWNED
from auricle.biasing.key_matrix import KeyMatrix
from auricle.biasing.sorted_texts import SortedTexts
from auricle.errors import ArgumentError

MOST_ATTENDED = 12  # names in a picture of attention


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortlistOptions:
    """Size of the shortlist, and how attention scores become shares of the bonus."""

    most: int = 40  # most keys in the shortlist
    least: float = -4.0  # score up to which a name was not said, in nats above no-bias
    sure: float = 4.0  # score from which a name was certainly said, in nats above no-bias
    share: float = 0.7  # share of its bonus that a certain name earns in addition

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        if self.most < 1:
            raise ArgumentError(f"most must be 1 or more, not {self.most}.")
        if not -math.inf < self.least < self.sure < math.inf:
            raise ArgumentError(f"sure must be above least, not {self.sure} and {self.least}.")
        if not 0 <= self.share < math.inf:
            raise ArgumentError(f"share must be 0 or more, not {self.share}.")

    def share_of(self, score: float) -> float:
        """Return the additional share of its bonus that a name of this score earns."""
        return self.share * min(1.0, (score - self.least) / (self.sure - self.least))


class Listed(NamedTuple):
    """A form in the shortlist."""

    form: str
    share: float  # share of its bonus that it earns in addition


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """The keys of all forms, for context attention."""

    matrix: KeyMatrix
    forms: SortedTexts
    numbers: NDArray[np.int32]  # key of each form; -1: it has none

    def __len__(self) -> int:
        return len(self.matrix)

    def listed(self, best: Floats, options: ShortlistOptions) -> Iterator[Listed]:
        """Yield the forms in the shortlist, likeliest first.

        Args:
            best: (keys,) float32, best score of each key over all search frames, in nats.
            options: size of the shortlist.
        """
        top = [place for place in self.top(best, options.most) if best[place] > options.least]
        forms = self._forms_of(top)
        for place in top:
            share = options.share_of(float(best[place]))
            yield from (Listed(form, share) for form in forms[place])

    @property
    def sounds(self) -> tuple[str, ...]:
        """The text that each key stands for; slow for a long list."""
        return tuple(self.sounds_of(range(len(self))))

    def sounds_of(self, keys: Sequence[int]) -> list[str]:
        """Return the text that each of some keys stands for."""
        forms = self._forms_of(keys)
        # A form and its respellings share a key; the hash tells which form it was made from.
        made = dict(zip(self.matrix.sounds[list(keys)].tolist(), keys, strict=True))
        texts = {
            made[sound]: text
            for some in forms.values()
            for text in (form.removesuffix(OWNED) for form in some)
            if (sound := hash(text)) in made
        }
        return [texts.get(key, "") for key in keys]

    def _forms_of(self, keys: Sequence[int]) -> dict[int, list[str]]:
        """Return the forms of each of some keys."""
        found: dict[int, list[str]] = {key: [] for key in keys}
        for form in np.flatnonzero(np.isin(self.numbers, np.array(keys, np.int32))).tolist():
            found[int(self.numbers[form])].append(self.forms[form].decode())
        return found

    @staticmethod
    def top(best: Floats, most: int) -> list[int]:
        """Return the indices of the `most` best scores, best first."""
        count = min(most, len(best))
        if not count:
            return []
        some = np.argpartition(best, -count)[-count:]
        found: list[int] = some[np.argsort(-best[some], kind="stable")].tolist()
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Attended:
    """Context attention over an utterance."""

    names: tuple[str, ...]  # texts of keys, the most attended first
    shares: Floats  # (names, search frames) attention weights, 0 to 1
    frame_seconds: float  # length of a search frame


def attended(
    queries: Queries, keys: Keys, frame_seconds: float, most: int = MOST_ATTENDED
) -> Attended:
    """Return the attention weights of the most attended names.

    The weights of all names and no-bias sum to 1 in each search frame.

    Args:
        queries: queries of all search frames.
        keys: keys of all forms.
        frame_seconds: length of a search frame.
        most: number of names to return.
    """
    scores = keys.matrix.scores(queries)
    top = keys.top(scores.max(axis=0), most) if len(scores) else []
    # Softmax over all names and no-bias, whose score is 0.
    highest = np.maximum(scores.max(axis=1, initial=0.0), 0.0)[:, np.newaxis]
    weights = np.exp(scores - highest)
    whole = weights.sum(axis=1, keepdims=True) + np.exp(-highest)
    shares = (weights[:, top] / whole).T.astype(np.float32)
    return Attended(tuple(keys.sounds_of(top)), shares, frame_seconds)
