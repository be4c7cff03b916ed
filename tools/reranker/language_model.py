"""The interface of language models, and the model of a bundle.

In: the readings (word sequences) of many lattices. Out: the log probability of each, including the
end of the sentence.
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

KIND = "reranker"  # kind of the bundle
NETWORK = "network.npz"
PIECES = "pieces.txt"
MOST_TOKENS = 1024  # maximum tokens per lattice, since the cost of attention is quadratic

Words = Sequence[str]


class Language(Protocol):
    """A language model; called from one thread at a time."""

    def score(self, lattices: Sequence[Sequence[Words]]) -> list[list[float]]:
        """Return the natural log probabilities of the first readings of each lattice.

        A model may skip the last readings of a lattice to limit the cost.
        """


class BundledLanguage:
    """The network of a bundle, in numpy."""

    def __init__(self, network: Network, vocabulary: Vocabulary) -> None:
        """Store the parts; `load` reads them from a bundle."""
        self._network = network
        self._vocabulary = vocabulary

    @classmethod
    def load(cls, bundle: Bundle) -> BundledLanguage:
        """Read the network of a bundle.

        Raises:
            ModelError: a file is damaged, or the files do not match.
        """
        vocabulary = Vocabulary.load(bundle.path(PIECES))
        shape = _shape(bundle)
        if shape.vocabulary != len(vocabulary):
            raise ModelError(
                f"{bundle.folder}: the network has {shape.vocabulary} tokens, the vocabulary "
                f"{len(vocabulary)}: files do not match; install the bundle again"
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
        """Return the tokens of the first readings, at most `MOST_TOKENS` in total."""
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
    """Read and verify a bundle.

    Raises:
        ModelError: the bundle is not valid.
    """
    bundle = load_bundle(folder, KIND)
    return bundle, BundledLanguage.load(bundle), _weights(bundle)


def _shape(bundle: Bundle) -> Shape:
    """Return the shape of the network from the manifest."""
    value = bundle.settings.get("shape")
    names = [field.name for field in fields(Shape)]
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        raise _wrong(bundle, "shape", value, f"a mapping of {', '.join(names)}")
    if not all(type(number) is int and number > 0 for number in value.values()):
        raise _wrong(bundle, "shape", value, "a mapping to integers above 0")
    if value["width"] % (2 * value["heads"]):
        raise _wrong(bundle, "shape", value, "a shape whose width is a multiple of 2 * heads")
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
