"""The encoder as part of a TFLite graph, and the conversion of all graphs.

In: the weights of a `Transducer`. Out: functions on tensors, and TFLite files with int8 weights
(one scale per output channel), dynamic-range activations and float accumulation. `export.top`
writes the graphs of the first pass, `export.decoder` those of the second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from auricle_train.export.layers import MASKED, Layers, attend, gelu
from auricle_train.models.transducer import CONV_CONTEXT, STRIDE, Shape

Specs = dict[str, tf.TensorSpec]  # inputs of a graph by name


class ChunkedEncoder:
    """The frozen encoder, with the weights of a PyTorch `Transducer` as constants."""

    def __init__(self, shape: Shape, layers: Layers) -> None:
        self.shape = shape
        self._layers = layers

    def chunk(
        self, features: Any, context: Any, keys: Any, values: Any, position: Any
    ) -> tuple[dict[str, Any], Any]:
        """Encode one chunk, with the same result as `transducer.Encoder` on the whole utterance.

        Args:
            features: (1, chunk * STRIDE, 80).
            context: (1, CONV_CONTEXT, 80), the preceding features.
            keys: (layers, left, width) of the preceding frames, zeros before the start.
            values: (layers, left, width), as for keys.
            position: (1,) int32, encoder frames before this chunk.

        Returns:
            The next state, and the last layer's output, normalised, (1, chunk, 1, width).
        """
        shape, layers = self.shape, self._layers
        heard = tf.concat([context, features], axis=1)
        x = gelu(layers.convolve("encoder.conv1", heard[:, :, None], 1))
        x = gelu(layers.convolve("encoder.conv2", x, STRIDE))  # (1, chunk, 1, width)
        where = tf.math.floormod(position + tf.range(shape.chunk), shape.positions)
        x += layers.lookup("encoder.positions", where)[None, :, None]
        mask = known_mask(position, shape.left, shape.chunk)
        new_keys, new_values = [], []
        for number in range(shape.layers):
            name = f"encoder.blocks.{number}"
            query, key, value = layers.queries_keys_values(name, x)
            key = tf.concat([keys[number], key], axis=0)
            value = tf.concat([values[number], value], axis=0)
            x = layers.block(name, x, attend(query, key, value, shape.heads, mask))
            new_keys.append(key[shape.chunk :])
            new_values.append(value[shape.chunk :])
        state = {
            "context_out": heard[:, -CONV_CONTEXT:],
            "keys_out": tf.stack(new_keys),
            "values_out": tf.stack(new_values),
            "position_out": position + shape.chunk,
        }
        return state, layers.norm("encoder.norm", x)


def known_mask(before: Any, left: int, chunk: int) -> Any:
    """Return the attention mask (left + chunk,), which hides empty places of the cache.

    Args:
        before: (1,) int32, frames before the chunk.
        left: frames in the cache.
        chunk: frames in the chunk.
    """
    known = tf.range(left) >= left - tf.minimum(before, left)
    return tf.concat([tf.where(known, 0.0, MASKED), tf.zeros([chunk], tf.float32)], axis=0)


def convert(function: Callable[..., dict[str, Any]], inputs: Specs, quantize: bool) -> bytes:
    """Return the TFLite graph of a function, with a signature that names its tensors."""
    module = tf.Module()
    module.run = tf.function(function)
    concrete = module.run.get_concrete_function(**inputs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    model: bytes = converter.convert()
    return model
