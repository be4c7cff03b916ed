"""The few names that may have been said, of all that are listed.

In: forms, their keys, and at the end of an utterance the best score of each. Out: the forms that
the second pass is to favour, and by how much. Forms of one sound, such as a name and what belongs
to it ("siobhan", "siobhan's"), share a key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from auricle.biasing.context_attention import ContextEncoder, Floats, Queries
from auricle.errors import ArgumentError

OWNED = "'s"
MOST_ATTENDED = 12  # names to tell of


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortlistOptions:
    """How many names attention lets pass, and what its scores count."""

    most: int = 40  # keys
    least: float = -4.0  # nats against no-bias: below, nobody has said it
    sure: float = 4.0  # from here on somebody has
    share: float = 0.7  # of what a name is worth, that one which is sure earns beside it

    def __post_init__(self) -> None:
        """Raise ArgumentError where a value is impossible."""
        if self.most < 1:
            raise ArgumentError(f"most must be 1 or more, not {self.most}.")
        if not -math.inf < self.least < self.sure < math.inf:
            raise ArgumentError(f"sure must be above least, not {self.sure} and {self.least}.")
        if not 0 <= self.share < math.inf:
            raise ArgumentError(f"share must be 0 or more, not {self.share}.")

    def share_of(self, score: float) -> float:
        """Return the share of its worth that a name of this score earns."""
        return self.share * min(1.0, (score - self.least) / (self.sure - self.least))


class Listed(NamedTuple):
    """A form that may have been said."""

    form: str
    share: float  # of its worth, that it earns for having been seen


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """The keys of all names."""

    matrix: Floats  # (keys, width)
    sounds: tuple[str, ...]  # what each key is of
    forms: tuple[tuple[str, ...], ...]  # the forms of each

    def listed(self, best: Floats, options: ShortlistOptions) -> Iterator[Listed]:
        """Yield the forms that may have been said, the likeliest first.

        Args:
            best: (keys,) float32, of each the best score of any frame, nats.
            options: how many may pass.
        """
        for place in self.top(best, options.most):
            if best[place] <= options.least:
                return
            share = options.share_of(float(best[place]))
            yield from (Listed(form, share) for form in self.forms[place])

    @staticmethod
    def top(best: Floats, most: int) -> list[int]:
        """Return the places of the best scores, best first."""
        count = min(most, len(best))
        if not count:
            return []
        some = np.argpartition(best, -count)[-count:]
        found: list[int] = some[np.argsort(-best[some], kind="stable")].tolist()
        return found


def keys_of(spellings: Mapping[str, str], encoder: ContextEncoder) -> Keys:
    """Return the keys of forms.

    Args:
        spellings: of each form, that which tells its sound: itself, mostly.
        encoder: makes them.

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
    """Attention over an utterance."""

    names: tuple[str, ...]  # forms, the most attended first
    shares: Floats  # (names, frames): 0 to 1
    frame_seconds: float


def attended(
    queries: Queries, keys: Keys, frame_seconds: float, most: int = MOST_ATTENDED
) -> Attended:
    """Return attention to the names that were seen most.

    Args:
        queries: of all frames.
        keys: of all names.
        frame_seconds: the length of a frame.
        most: names to tell of.
    """
    scores = queries.scores(keys.matrix)
    top = keys.top(scores.max(axis=0), most) if len(scores) else []
    # No-bias scores 0; whatever is as likely as it leaves it half.
    highest = np.maximum(scores.max(axis=1, initial=0.0), 0.0)[:, np.newaxis]
    weights = np.exp(scores - highest)
    whole = weights.sum(axis=1, keepdims=True) + np.exp(-highest)
    shares = (weights[:, top] / whole).T.astype(np.float32)
    return Attended(tuple(keys.sounds[place] for place in top), shares, frame_seconds)
