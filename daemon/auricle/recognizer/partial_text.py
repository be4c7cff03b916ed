"""The text of partial results: what a reader sees while somebody speaks, and what will stay.

In: the best words of the first pass as they change, those with which all its live hypotheses
begin, and what the second pass makes of a pause. Out: the words to show, and how many of them are
settled, that is, never change again.

`FirstPassText` follows the search. A word is shown once its last piece is some tenths of a second
old, for until then it often grows or is replaced; it is firm when all live hypotheses agree on it,
or when it has been the best for long, as the local agreement of Liu, Spanakis and Niehues,
"Low-latency sequence-to-sequence speech recognition and translation by partial hypothesis
selection" (arXiv:2005.11185). `PartialText` turns this into what is told, and keeps what it has
settled whatever it hears later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from auricle.errors import ArgumentError

Words = tuple[str, ...]

_ROUNDING = 1e-6  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialOptions:
    """When a word of the first pass is shown, and when it is firm."""

    hold_seconds: float = 0.24  # since its last piece: a last word younger than that is not shown
    stable_seconds: float = 1.2  # of searched audio for which a firm word was the best
    glance_seconds: float | None = 0.32  # into a chunk at which it is looked at; None: never

    def __post_init__(self) -> None:
        """Raise ArgumentError for an impossible time."""
        if not self.hold_seconds >= 0:
            raise ArgumentError(f"hold_seconds must be 0 or more, not {self.hold_seconds}.")
        for name in ("stable_seconds", "glance_seconds"):
            seconds = getattr(self, name)
            if seconds is not None and not seconds > 0:
                raise ArgumentError(f"{name} must be more than 0, not {seconds}.")


@dataclass(frozen=True, slots=True)
class Best:
    """The best words of the search at some moment."""

    words: Words
    trailing_seconds: float  # since the last piece of the last word
    time: float  # seconds of audio that the search has consumed


@dataclass(frozen=True, slots=True)
class FirstPassText:
    """The first pass' words of a phrase; follows the search chunk by chunk."""

    shown: Words = ()  # what a reader sees of them
    words: Words = ()  # the best ones at the last chunk
    since: tuple[float, ...] = ()  # seconds: when each of them, and all before it, became the best
    firm: int = 0  # of the words, how many are firm

    def follow(self, best: Best, shared: Sequence[str], options: PartialOptions) -> FirstPassText:
        """Return the state after another chunk.

        Args:
            best: after it.
            shared: complete words with which all live hypotheses begin.
            options: when a word is shown, and when it is firm.
        """
        kept = common_prefix(self.words, best.words)
        since = self.since[:kept] + (best.time,) * (len(best.words) - kept)
        stable = sum(best.time - begun >= options.stable_seconds - _ROUNDING for begun in since)
        firm = max(min(self.firm, kept), common_prefix(shared, best.words), stable)
        return FirstPassText(self._readable(best, options), best.words, since, firm)

    def glance(self, ahead: Best, options: PartialOptions) -> FirstPassText:
        """Return the state with what a look into the unfinished chunk adds to what is shown.

        It takes nothing away: the rest of the chunk is not known.
        """
        readable = self._readable(ahead, options)
        grows = common_prefix(self.shown, readable) == len(self.shown)
        return replace(self, shown=readable) if grows else self

    def _readable(self, best: Best, options: PartialOptions) -> Words:
        """Return the words without a last one that may still grow, but no less than is shown."""
        if best.trailing_seconds >= options.hold_seconds - _ROUNDING:
            return best.words
        words = best.words[:-1]
        return self.shown if common_prefix(words, self.shown) == len(words) else words


@dataclass(frozen=True, slots=True)
class PartialText:
    """The words that are shown; `words[:settled]` are the same in every text that follows.

    A text begins with words that stand for a stretch of the first pass: settled ones, or those of
    a second pass that has read the stretch again. The rest are the first pass' own.
    """

    words: Words = ()
    settled: int = 0  # words that stay; at most `fixed`
    fixed: int = 0  # words that stand for `heard`
    heard: Words = ()  # the words of the first pass that they stand for

    @property
    def text(self) -> str:
        """The words that are shown, with blanks between them."""
        return " ".join(self.words)

    @property
    def settled_text(self) -> str:
        """The settled ones among them."""
        return " ".join(self.words[: self.settled])

    def follow(self, words: Sequence[str], firm: Sequence[str] = ()) -> PartialText:
        """Return the text after the first pass has changed its mind, or heard more.

        Args:
            words: the best ones now. If `heard` begins with them, the first pass has only not
                caught up yet, and all that stands for `heard` stays.
            firm: those that the first pass takes for sure; they count as far as `words` begin
                with them.
        """
        words = tuple(words)
        kept = common_prefix(self.heard, words)
        if kept == len(words):
            text = replace(self, words=self.words[: self.fixed])
            return text._settle(common_prefix(firm, words))
        base, cut = self.words[: self.fixed], kept
        if kept < len(self.heard):
            base, cut = self._rebased(words, kept)
        text = PartialText(base + words[cut:], self.settled, len(base), words[:cut])
        return text._settle(common_prefix(firm, words))

    def reread(self, heard: Sequence[str], words: Sequence[str]) -> PartialText:
        """Return the text of a second pass, which settles nothing yet.

        Args:
            heard: words of the first pass for the same stretch.
            words: those of the second.
        """
        return PartialText(tuple(words), 0, len(words), tuple(heard))

    def _rebased(self, words: Words, kept: int) -> tuple[Words, int]:
        """Return the words to begin with, and how many of the first pass' they stand for.

        Args:
            words: of the first pass, which no longer begin with `heard`.
            kept: words with which they still do.
        """
        base = self.words[: self.fixed]
        place = aligned_place(self.heard, base, kept)
        if place >= self.settled:
            return base[:place], kept
        return base[: self.settled], max(kept, place_in_longer(self.words, words, self.settled))

    def _settle(self, firm: int) -> PartialText:
        """Return the text with more settled, now that so many words of the first pass are firm."""
        ahead = firm - len(self.heard)
        if ahead > 0:
            fixed = self.fixed + ahead
            heard = self.heard + self.words[self.fixed : fixed]
            return PartialText(self.words, fixed, fixed, heard)
        place = aligned_place(self.heard, self.words[: self.fixed], firm)
        return PartialText(self.words, max(self.settled, place), self.fixed, self.heard)


def common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """Return with how many equal words two sequences begin."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def aligned_place(source: Words, target: Words, place: int) -> int:
    """Return the place between words of `target` that belongs to a place in `source`.

    The two are aligned with the fewest edits; 0 and the end belong to 0 and the end, and a later
    place never to an earlier one.
    """
    if place in (0, len(source)):
        return len(target) if place else 0
    shared = common_prefix(source, target)
    if place <= shared:
        return place
    before = distances(source[shared:place], target[shared:])
    after = distances(source[place:][::-1], target[shared:][::-1])[::-1]
    sums = [first + second for first, second in zip(before, after, strict=True)]
    return shared + sums.index(min(sums))


def place_in_longer(source: Words, target: Words, place: int) -> int:
    """Return the place between words of `target` that belongs to a place in `source`.

    The two are aligned with the fewest edits; words that `target` has at its end beyond `source`
    are no edits. Of several such places the one nearest to `place` is taken.
    """
    before = distances(source[:place], target)
    edits = [
        first + min(distances(source[place:], target[count:])) for count, first in enumerate(before)
    ]
    return min(range(len(edits)), key=lambda count: (edits[count], abs(count - place)))


def distances(source: Words, target: Words) -> list[int]:
    """Return the edit distances of `source` to each prefix of `target`: (len(target) + 1,).

    Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals" (1966),
    over words.
    """
    row = list(range(len(target) + 1))
    for index, word in enumerate(source, 1):
        last, row = row, [index]
        for place, other in enumerate(target):
            row.append(min(last[place + 1] + 1, row[place] + 1, last[place] + (word != other)))
    return row
