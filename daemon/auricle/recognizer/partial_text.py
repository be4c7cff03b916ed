"""Partial text: the words to show while somebody speaks, and which of them will not change.

In: the best words of the first pass as they change, the words with which all its hypotheses begin,
and the text of the second pass at a pause. Out: the words to show, and how many of them are
settled, that is, never change again.

`FirstPassText` follows the search within a segment. A word is shown once its last token is a few
tenths of a second old, because until then it often grows or is replaced. A word is "firm" when all
hypotheses agree on it or when it has been the best for long, like the local agreement of Liu,
Spanakis and Niehues, "Low-latency sequence-to-sequence speech recognition and translation by
partial hypothesis selection" (arXiv:2005.11185).

`PartialText` belongs to the session. It turns shown and firm words into the text of `Partial` and
`Settled` events: once words are settled, it never changes them, whatever the first pass does later.
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

    hold_seconds: float = 0.24  # age of its last token from which the last word is shown
    stable_seconds: float = 1.2  # time as the best, in seconds of audio, that makes a word firm
    glance_seconds: float | None = 0.32  # length of an unfinished chunk for a glance; None: never

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
    """The best words of the search at one moment."""

    words: Words
    trailing_seconds: float  # time since the last token
    time: float  # seconds of audio searched in the segment


@dataclass(frozen=True, slots=True)
class FirstPassText:
    """The first-pass words of a segment; an immutable state, advanced chunk by chunk."""

    shown: Words = ()  # words to show
    words: Words = ()  # best words after the last chunk
    since: tuple[float, ...] = ()  # time from which each of them and all before it were the best
    firm: int = 0  # number of first words that are firm

    def follow(self, best: Best, shared: Sequence[str], options: PartialOptions) -> FirstPassText:
        """Return the state after another chunk.

        Args:
            best: best words after the chunk.
            shared: complete words with which all hypotheses begin.
            options: when a word is shown, and when it is firm.
        """
        kept = common_prefix(self.words, best.words)
        since = self.since[:kept] + (best.time,) * (len(best.words) - kept)
        stable = sum(best.time - begun >= options.stable_seconds - _ROUNDING for begun in since)
        firm = max(min(self.firm, kept), common_prefix(shared, best.words), stable)
        return FirstPassText(self._readable(best, options), best.words, since, firm)

    def glance(self, ahead: Best, options: PartialOptions) -> FirstPassText:
        """Return the state with the words that a glance into the unfinished chunk adds.

        A glance never removes shown words, because the rest of the chunk is not known yet.
        """
        readable = self._readable(ahead, options)
        grows = common_prefix(self.shown, readable) == len(self.shown)
        return replace(self, shown=readable) if grows else self

    def _readable(self, best: Best, options: PartialOptions) -> Words:
        """Return the words to show: without a last word that may grow, unless already shown."""
        if best.trailing_seconds >= options.hold_seconds - _ROUNDING:
            return best.words
        words = best.words[:-1]
        return self.shown if common_prefix(words, self.shown) == len(words) else words


@dataclass(frozen=True, slots=True)
class PartialText:
    """The shown words of a session; `words[:settled]` are the same in all later texts.

    The first `fixed` words replace the first-pass words `heard`: they are settled, or come from a
    second pass over the same audio. The rest are the current words of the first pass.
    """

    words: Words = ()
    settled: int = 0  # number of first words that never change; at most `fixed`
    fixed: int = 0  # number of first words that replace `heard`
    heard: Words = ()  # first-pass words that they replace

    @property
    def text(self) -> str:
        """The shown words, separated by single spaces."""
        return " ".join(self.words)

    @property
    def settled_text(self) -> str:
        """The settled words, separated by single spaces."""
        return " ".join(self.words[: self.settled])

    def follow(self, words: Sequence[str], firm: Sequence[str] = ()) -> PartialText:
        """Return the text after the words of the first pass have changed.

        Args:
            words: the best words of the first pass. If `heard` begins with them, the first pass
                has not caught up yet, and the words that replace `heard` stay.
            firm: firm words of the first pass; they count as far as `words` begins with them.
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
        """Return the text of the second pass at a pause, with no word settled.

        Args:
            heard: first-pass words of the same audio.
            words: words of the second pass.
        """
        return PartialText(tuple(words), 0, len(words), tuple(heard))

    def _rebased(self, words: Words, kept: int) -> tuple[Words, int]:
        """Return the words to keep, and the number of first-pass words that they replace.

        Args:
            words: words of the first pass, which no longer begin with `heard`.
            kept: number of first words that still equal those of `heard`.
        """
        base = self.words[: self.fixed]
        place = aligned_place(self.heard, base, kept)
        if place >= self.settled:
            return base[:place], kept
        return base[: self.settled], max(kept, place_in_longer(self.words, words, self.settled))

    def _settle(self, firm: int) -> PartialText:
        """Return the text with more words settled, given the number of firm first-pass words."""
        ahead = firm - len(self.heard)
        if ahead > 0:
            fixed = self.fixed + ahead
            heard = self.heard + self.words[self.fixed : fixed]
            return PartialText(self.words, fixed, fixed, heard)
        place = aligned_place(self.heard, self.words[: self.fixed], firm)
        return PartialText(self.words, max(self.settled, place), self.fixed, self.heard)


def common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the number of equal words at the beginning of two sequences."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def aligned_place(source: Words, target: Words, place: int) -> int:
    """Return the word boundary of `target` that corresponds to boundary `place` of `source`.

    The two are aligned with the fewest edits. The start corresponds to the start, the end to the
    end, and the order of boundaries is kept.
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
    """Return the word boundary of `target` that corresponds to boundary `place` of `source`.

    The two are aligned with the fewest edits; words at the end of `target` beyond `source` do not
    count as edits. Among equally good boundaries the one nearest to `place` is taken.
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
