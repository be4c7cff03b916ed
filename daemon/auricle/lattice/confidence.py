"""Word confidences.

In: a lattice and a path through it. Out: a probability for each word of the path. The measure is
`C_max` of Wessel, Schlüter, Macherey and Ney, "Confidence measures for large vocabulary continuous
speech recognition" (IEEE Trans. Speech and Audio Processing 9(3), 2001): arcs of the same word that
overlap in time count together, whatever words surround them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auricle.lattice.lattice import Arc, Lattice, Path


def word_confidences(lattice: Lattice, path: Path) -> tuple[float, ...]:
    """Return the probability of each word of a path, 0 to 1."""
    by_word: dict[str, list[tuple[Arc, float]]] = {}
    for arc, posterior in zip(lattice.arcs, lattice.posteriors().tolist(), strict=True):
        by_word.setdefault(arc.word, []).append((arc, posterior))
    return tuple(_confidence(arc, by_word[arc.word]) for arc in path.arcs if arc.word)


def _confidence(word: Arc, alike: list[tuple[Arc, float]]) -> float:
    """Return the largest sum of posteriors of a word's arcs at any moment of the word.

    Args:
        word: arc of the path.
        alike: all arcs with the same word, with their posteriors.
    """
    beside = [
        (arc, posterior)
        for arc, posterior in alike
        if arc == word or (arc.start < word.end and word.start < arc.end)
    ]
    # The sum can only rise where an arc begins.
    moments = {max(word.start, arc.start) for arc, _ in beside}
    sums = (
        sum(posterior for arc, posterior in beside if arc == word or arc.start <= moment < arc.end)
        for moment in moments
    )
    return min(1.0, max(sums))
