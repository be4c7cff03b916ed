"""Exports the context attention as TFLite graphs: streaming listener and context encoder.

In: the weights of `model.Attending`. Out: `listener.tflite` and `names.tflite` with int8 weights
per channel, which `auricle.biasing.context_attention` runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from auricle.biasing.context_attention import LONGEST
from auricle.errors import ModelError
from auricle_train.context_attention.model import TAPS, AttendingShape
from auricle_train.export.decoder import Specs
from auricle_train.export.encoder import convert
from auricle_train.export.layers import MASKED, Layers, Weights

NAMES = 64  # names per run of the context encoder


class AttendingGraphs:
    """Both networks, with the weights of an `Attending` as constants."""

    def __init__(self, shape: AttendingShape, chunk: int, layers: Layers) -> None:
        """Store the sizes, the search frames (80 ms) per chunk, and the weights.

        Raises:
            ModelError: the listener reads a stream that the exported encoder does not output.
        """
        if shape.streams != ("encoder",):
            raise ModelError(
                f"context attention: reads {shape.streams}; the exported encoder gives "
                "('encoder',): train it on that"
            )
        self.shape, self.chunk = shape, chunk
        self._layers = layers

    def listener_inputs(self) -> Specs:
        """Return the input specification of `listener`."""
        shape = self.shape
        encoded = tf.TensorSpec([1, self.chunk * shape.stack, shape.encoder_width])
        inputs = {"encoded": encoded}
        for number, reach in enumerate(shape.reaches):
            inputs[f"before_{number}"] = tf.TensorSpec([(TAPS - 1) * reach, shape.width])
        return inputs

    def listener(self, encoded: Any, **before: Any) -> dict[str, Any]:
        """Process one chunk, with the same result as `model.Listener` on the whole utterance.

        Args:
            encoded: (1, chunk * stack, encoder_width) encoder frames (20 ms).
            before: `before_N` ((TAPS - 1) * reach, width), previous inputs of layer N; zeros at the
                start.

        Returns:
            The next state, scaled `queries`, and `nothing`, the scores of no-bias.
        """
        shape, layers = self.shape, self._layers
        x = tf.reshape(encoded, [1, self.chunk, 1, shape.inputs])
        x = layers.linear("listener.input", layers.norm("listener.input_norm", x))
        out = {}
        for number, reach in enumerate(shape.reaches):
            read = layers.norm(f"listener.norms.{number}", x)[0, :, 0]
            read = tf.concat([before[f"before_{number}"], read], axis=0)
            seen = tf.concat(
                [read[tap * reach : tap * reach + self.chunk] for tap in range(TAPS)], axis=-1
            )
            hidden = tf.nn.relu(layers.linear(f"listener.taps.{number}", seen[None, :, None]))
            x += layers.linear(f"listener.downs.{number}", hidden)
            out[f"before_{number}_out"] = read[self.chunk :]
        x = layers.norm("listener.norm", x)
        queries = layers.linear("listener.queries", x)[0, :, 0]
        return out | {
            "queries": queries * (shape.heads * shape.head) ** -0.5,
            "nothing": layers.linear("listener.nothing", x)[0, :, 0, 0],
        }

    def names_inputs(self) -> Specs:
        """Return the input specification of `names`."""
        return {"letters": tf.TensorSpec([NAMES, LONGEST], tf.int32)}

    def names(self, letters: Any) -> dict[str, Any]:
        """Map letters (NAMES, LONGEST) int32 to `keys` (NAMES, heads * head)."""
        shape, layers = self.shape, self._layers
        x = layers.lookup("names.embedding.weight", tf.reshape(letters, [-1]))
        x = tf.reshape(x, [NAMES, LONGEST, 1, shape.letters])
        x += layers.lookup("names.positions", tf.range(LONGEST))[None, :, None]
        is_letter = tf.cast(letters > 0, tf.float32)[:, :, None, None]
        margin = [[0, 0], [TAPS // 2, TAPS // 2], [0, 0], [0, 0]]
        for number in range(shape.layers):
            read = tf.pad(layers.norm(f"names.norms.{number}", x) * is_letter, margin)
            seen = tf.concat([read[:, tap : tap + LONGEST] for tap in range(TAPS)], axis=-1)
            hidden = tf.nn.relu(layers.linear(f"names.taps.{number}", seen))
            x += layers.linear(f"names.downs.{number}", hidden)
        x = layers.norm("names.norm", x)
        looks = layers.linear("names.looks", x)[:, :, 0] + (1.0 - is_letter[:, :, 0]) * MASKED
        shares = tf.nn.softmax(tf.transpose(looks, [0, 2, 1]))
        looked = tf.reshape(tf.matmul(shares, x[:, :, 0]), [1, NAMES, 1, -1])
        return {"keys": layers.linear("names.keys", looked)[0, :, 0]}


def export(
    shape: AttendingShape, chunk: int, weights: Weights, folder: Path, quantize: bool = True
) -> None:
    """Write both graphs into a folder.

    Args:
        shape: sizes of the networks.
        chunk: search frames (80 ms) per chunk of the encoder.
        weights: weights of `model.Attending`.
        folder: existing folder.
        quantize: False keeps float32 weights.

    Raises:
        ModelError: the listener reads a stream that the exported encoder does not output.
    """
    graphs = AttendingGraphs(shape, chunk, Layers(weights, quantize))
    for function, inputs in (
        (graphs.listener, graphs.listener_inputs()), (graphs.names, graphs.names_inputs()),
    ):  # fmt: skip
        path = folder / f"{function.__name__}.tflite"
        path.write_bytes(convert(function, inputs, quantize))
