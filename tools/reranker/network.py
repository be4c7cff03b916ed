"""The language model in numpy: a causal Transformer over prefix trees.

In: the readings of each lattice as a prefix tree, so that a common prefix is computed once (see
`tree`). Out: the log probability of each token given its prefix. All trees of a batch share the
matrix products; a node attends only to its ancestors and itself.

After Vaswani et al. (arXiv:1706.03762), with pre-norm (Xiong et al., arXiv:2002.04745), RMSNorm
(Zhang and Sennrich, arXiv:1910.07467), rotary position embeddings (Su et al., arXiv:2104.09864) and
squared ReLU (So et al., arXiv:2109.08668).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from auricle.errors import ModelError
from reranker.tree import Tree

EPSILON = 1e-6
LARGEST = 127.0  # largest int8 weight
SLOWEST = 1000.0  # base of the rotary frequencies: tokens per radian of the slowest rotation

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    vocabulary: int
    width: int = 320
    layers: int = 5
    heads: int = 5
    hidden: int = 1280

    def weights(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each weight; matrices are (outputs, inputs)."""
        shapes: dict[str, tuple[int, ...]] = {
            "embedding.weight": (self.vocabulary, self.width),
            "scale": (self.width,),
        }
        for layer in range(self.layers):
            shapes |= {
                f"layers.{layer}.attention_in.weight": (3 * self.width, self.width),
                f"layers.{layer}.attention_out.weight": (self.width, self.width),
                f"layers.{layer}.hidden_in.weight": (self.hidden, self.width),
                f"layers.{layer}.hidden_out.weight": (self.width, self.hidden),
                f"layers.{layer}.attention_scale": (self.width,),
                f"layers.{layer}.hidden_scale": (self.width,),
            }
        return shapes


class Network:
    """Scores trees; may be called from one thread at a time."""

    def __init__(self, shape: Shape, weights: Mapping[str, Floats]) -> None:
        """Store weights with the names and shapes of `Shape.weights`."""
        self.shape = shape
        self._embedding = weights["embedding.weight"]
        self._scale = weights["scale"]
        # Transposed once here, because layers multiply their matrices from the right.
        self._layers = [
            {
                name: np.ascontiguousarray(weights[f"layers.{layer}.{name}"].T)
                for name in (
                    "attention_in.weight", "attention_out.weight", "hidden_in.weight",
                    "hidden_out.weight", "attention_scale", "hidden_scale",
                )
            }
            for layer in range(shape.layers)
        ]  # fmt: skip

    def score(self, trees: Sequence[Tree]) -> list[Floats]:
        """Return the natural log probability of each edge of each tree.

        Args:
            trees: at least one.

        Returns:
            (edges,) float32 for each tree, see `Tree.edges`.
        """
        bounds = np.cumsum([0, *(len(tree.tokens) for tree in trees)])
        parts = [slice(*pair) for pair in zip(bounds, bounds[1:], strict=False)]
        states = self._embedding[np.concatenate([tree.tokens for tree in trees])]
        depths = np.concatenate([tree.depths for tree in trees])
        turns = rotations(depths, self.shape.width // self.shape.heads)
        masks = [np.where(tree.before, np.float32(0), np.float32(-np.inf)) for tree in trees]
        for layer in self._layers:
            mixed = _level(states, layer["attention_scale"]) @ layer["attention_in.weight"]
            seen = self._attend(mixed, turns, parts, masks)
            states = states + seen @ layer["attention_out.weight"]
            hidden = _level(states, layer["hidden_scale"]) @ layer["hidden_in.weight"]
            states = states + np.square(np.maximum(hidden, 0)) @ layer["hidden_out.weight"]
        logits = _level(states, self._scale) @ self._embedding.T
        most = logits.max(axis=1, keepdims=True)
        totals = most[:, 0] + np.log(np.exp(logits - most).sum(axis=1))
        return [
            logits[part][tree.edges[:, 0], tree.edges[:, 1]] - totals[part][tree.edges[:, 0]]
            for part, tree in zip(parts, trees, strict=True)
        ]

    def _attend(
        self,
        mixed: Floats,
        turns: tuple[Floats, Floats],
        parts: Sequence[slice],
        masks: Sequence[Floats],
    ) -> Floats:
        """Return the attention output, (nodes, width)."""
        heads = self.shape.heads
        query, key, value = mixed.reshape(len(mixed), 3, heads, -1).transpose(1, 2, 0, 3)
        query, key = _turn(query, turns), _turn(key, turns)
        query = query * np.float32(1 / np.sqrt(query.shape[-1]))
        seen = np.empty((len(mixed), self.shape.width), np.float32)
        for part, mask in zip(parts, masks, strict=True):
            scores = query[:, part] @ key[:, part].transpose(0, 2, 1) + mask
            shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
            shares /= shares.sum(axis=-1, keepdims=True)
            joined = shares @ value[:, part]  # (heads, nodes, width of a head)
            seen[part] = joined.transpose(1, 0, 2).reshape(-1, self.shape.width)
        return seen


def rotations(places: NDArray[np.integer], width: int) -> tuple[Floats, Floats]:
    """Return sines and cosines of rotary position embeddings, (places, width / 2) each."""
    rates = SLOWEST ** (-np.arange(width // 2) / (width // 2))
    angles = places[:, np.newaxis] * rates
    return np.sin(angles).astype(np.float32), np.cos(angles).astype(np.float32)


def quantized(weights: Mapping[str, Floats]) -> dict[str, NDArray[np.generic]]:
    """Return the weights for a file: matrices in int8, with one scale per row."""
    stored: dict[str, NDArray[np.generic]] = {}
    for name, weight in weights.items():
        if weight.ndim == 1:
            stored[name] = weight.astype(np.float32)
            continue
        steps = np.abs(weight).max(axis=1, keepdims=True).clip(1e-12) / LARGEST
        stored[name] = np.rint(weight / steps).astype(np.int8)
        stored[f"{name}.steps"] = steps.astype(np.float32)
    return stored


def load_network(path: Path, shape: Shape) -> Network:
    """Read a file of weights.

    Raises:
        ModelError: the file is missing or damaged, or has another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ModelError(f"{path}: cannot be read ({error}): install the bundle again") from error
    weights: dict[str, Floats] = {}
    for name, wanted in shape.weights().items():
        weight = stored.get(name)
        steps = stored.get(f"{name}.steps")
        if weight is None or weight.shape != wanted or (weight.ndim > 1 and steps is None):
            raise ModelError(f"{path}: {name} is not {wanted}: install the bundle again")
        weights[name] = weight.astype(np.float32) * (1 if steps is None else steps)
        if not np.isfinite(weights[name]).all():
            raise ModelError(
                f"{path}: {name} contains a number that is not finite: install the bundle again"
            )
    return Network(shape, weights)


def _level(states: Floats, scale: Floats) -> Floats:
    power = np.square(states).mean(axis=-1, keepdims=True)
    return np.asarray(states / np.sqrt(power + EPSILON) * scale, np.float32)


def _turn(states: Floats, turns: tuple[Floats, Floats]) -> Floats:
    sine, cosine = turns
    first, second = np.split(states, 2, axis=-1)
    return np.concatenate([first * cosine - second * sine, first * sine + second * cosine], axis=-1)
