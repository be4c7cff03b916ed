"""The shortlist: the few names of a long list that context attention finds in an utterance.

In: the keys of all forms, and at the end of an utterance the best attention score of each key.
Out: the forms for which the second pass gets a larger bonus, with their share of the bonus
(`Keys.listed`). Forms of the same sound, such as a name and its possessive ("siobhan",
"siobhan's"), share a key. `attended` gives the attention over time, for the picture of
`auricle transcribe --attention`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from auricle.biasing.context_attention import ContextEncoder, Floats, Queries
from auricle.errors import ArgumentError

OWNED = "'s"  # end of a possessive
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

    matrix: Floats  # (keys, width)
    sounds: tuple[str, ...]  # text of each key
    forms: tuple[tuple[str, ...], ...]  # forms that share each key

    def listed(self, best: Floats, options: ShortlistOptions) -> Iterator[Listed]:
        """Yield the forms in the shortlist, likeliest first.

        Args:
            best: (keys,) float32, best score of each key over all search frames, in nats.
            options: size of the shortlist.
        """
        for place in self.top(best, options.most):
            if best[place] <= options.least:
                return
            share = options.share_of(float(best[place]))
            yield from (Listed(form, share) for form in self.forms[place])

    @staticmethod
    def top(best: Floats, most: int) -> list[int]:
        """Return the indices of the `most` best scores, best first."""
        count = min(most, len(best))
        if not count:
            return []
        some = np.argpartition(best, -count)[-count:]
        found: list[int] = some[np.argsort(-best[some], kind="stable")].tolist()
        return found


def keys_of(spellings: Mapping[str, str], encoder: ContextEncoder) -> Keys:
    """Return the keys of forms.

    Args:
        spellings: for each form the spelling that shows its sound: for a respelling the original
            form, else the form itself.
        encoder: context encoder.

    Raises:
        ModelError: the network cannot be run.
    """
    by_sound: dict[str, list[str]] = {}
    for form, spelling in spellings.items():
        by_sound.setdefault(spelling.removesuffix(OWNED), []).append(form)
    sounds: Sequence[str] = tuple(by_sound)
    return Keys(encoder.keys(sounds), tuple(sounds), tuple(map(tuple, by_sound.values())))


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
    scores = queries.scores(keys.matrix)
    top = keys.top(scores.max(axis=0), most) if len(scores) else []
    # Softmax over all names and no-bias, whose score is 0.
    highest = np.maximum(scores.max(axis=1, initial=0.0), 0.0)[:, np.newaxis]
    weights = np.exp(scores - highest)
    whole = weights.sum(axis=1, keepdims=True) + np.exp(-highest)
    shares = (weights[:, top] / whole).T.astype(np.float32)
    return Attended(tuple(keys.sounds[place] for place in top), shares, frame_seconds)
