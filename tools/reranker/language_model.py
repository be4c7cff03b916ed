"""A language model, as the service asks it; and the one that comes in a bundle.

In: readings of many lattices at once, as words. Out: the log probability of each, the end of the
sentence included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from auricle.bundle.manifest import Bundle, load_bundle
from auricle.errors import ModelError
from reranker.network import Network, Shape, load_network
from reranker.ranking import Weights
from reranker.tree import grow
from reranker.vocabulary import Vocabulary

KIND = "reranker"  # of a bundle
NETWORK = "network.npz"
PIECES = "pieces.txt"
MOST_TOKENS = 1024  # of the readings of one lattice: what attention costs grows with their square

Words = Sequence[str]


class Language(Protocol):
    """What the service needs of a language model; it is asked from one thread at a time."""

    def score(self, lattices: Sequence[Sequence[Words]]) -> list[list[float]]:
        """Return for each lattice the log probability of its first readings, natural log.

        There may be fewer than readings, where the others would cost too much.
        """


class BundledLanguage:
    """The network of a bundle, in numpy."""

    def __init__(self, network: Network, vocabulary: Vocabulary) -> None:
        """Take the parts; `load` reads them from a bundle."""
        self._network = network
        self._vocabulary = vocabulary

    @classmethod
    def load(cls, bundle: Bundle) -> BundledLanguage:
        """Read the network of a bundle; raises ModelError."""
        vocabulary = Vocabulary.load(bundle.path(PIECES))
        shape = _shape(bundle)
        if shape.vocabulary != len(vocabulary):
            raise ModelError(
                f"{bundle.folder}: the network knows {shape.vocabulary} tokens of "
                f"{len(vocabulary)}: its files do not fit each other; install the bundle again"
            )
        return cls(load_network(bundle.path(NETWORK), shape), vocabulary)

    def score(self, lattices: Sequence[Sequence[Words]]) -> list[list[float]]:
        """See `Language.score`."""
        sequences = [self._affordable(readings) for readings in lattices]
        trees = [grow(readings) for readings in sequences if readings]
        scores = iter(self._network.score(trees)) if trees else iter(())
        totals = (tree.totals(found) for tree, found in zip(trees, scores, strict=True))
        return [next(totals) if readings else [] for readings in sequences]

    def _affordable(self, readings: Sequence[Words]) -> list[list[int]]:
        """Return the first readings as tokens, as many as are not too many."""
        chosen: list[list[int]] = []
        left = MOST_TOKENS
        for words in readings:
            tokens = self._vocabulary.of_words(words)
            left -= len(tokens) + 1
            if left < 0:
                break
            chosen.append(tokens)
        return chosen


def load(folder: Path) -> tuple[Bundle, BundledLanguage, Weights]:
    """Read and verify a bundle; raises ModelError."""
    bundle = load_bundle(folder, KIND)
    return bundle, BundledLanguage.load(bundle), _weights(bundle)


def _shape(bundle: Bundle) -> Shape:
    """Return the shape of the network that a bundle tells."""
    value = bundle.settings.get("shape")
    names = [field.name for field in fields(Shape)]
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        raise _wrong(bundle, "shape", value, f"a mapping of {', '.join(names)}")
    if not all(type(number) is int and number > 0 for number in value.values()):
        raise _wrong(bundle, "shape", value, "of whole numbers above 0")
    if value["width"] % (2 * value["heads"]):
        raise _wrong(bundle, "shape", value, "of a width that two times the heads divides")
    return Shape(**value)


def _weights(bundle: Bundle) -> Weights:
    value = bundle.settings.get("weights")
    try:
        return Weights(**value) if isinstance(value, dict) else Weights()
    except TypeError as error:
        raise _wrong(bundle, "weights", value, "a mapping of language and reward") from error


def _wrong(bundle: Bundle, key: str, value: Any, wanted: str) -> ModelError:
    return ModelError(
        f"{bundle.folder / 'manifest.yaml'}: settings.{key}: {value!r} is not {wanted}; install "
        "the bundle again"
    )
