"""Writes the networks as TFLite graphs with int8 weights per channel.

In: a checkpoint of `train`. Out: `encoder.tflite`, `predictor.tflite`, `joint.tflite`, which
`auricle.recognizer.networks` runs. Weights are int8 with a scale for each output channel,
activations are quantized as they come (dynamic range), sums are float.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from auricle_train.network import CONV_CONTEXT, STACK, STRIDE, Shape

Weights = dict[str, NDArray[np.float32]]
JOINT_ROWS = 8  # hypotheses that one call of the joint or the predictor takes
MASKED = -1e4  # added to an attention score that must not count


class Graphs:
    """The three networks in TensorFlow, with the weights of a PyTorch `Transducer` as constants."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        self.shape = shape
        self._weights = weights

    def encoder(
        self, features: Any, context: Any, keys: Any, values: Any, position: Any
    ) -> dict[str, Any]:
        """One chunk; the same as `network.Encoder` and `Transducer.frames` on the whole.

        Args:
            features: (1, chunk * STRIDE, 80).
            context: (1, CONV_CONTEXT, 80), the features before them.
            keys: (layers, left, width) of the frames before, zeros where there are none.
            values: the same.
            position: (1,) int32, encoder frames before this chunk.
        """
        shape = self.shape
        heard = tf.concat([context, features], axis=1)
        x = self._gelu(self._convolve("encoder.conv1", heard, 1))
        x = self._gelu(self._convolve("encoder.conv2", x, STRIDE))[0]  # (chunk, width)
        where = tf.math.floormod(position + tf.range(shape.chunk), shape.positions)
        x += tf.gather(tf.constant(self._weights["encoder.positions"]), where)
        known = tf.range(shape.left) >= shape.left - tf.minimum(position, shape.left)
        mask = tf.concat([
            tf.where(known, 0.0, MASKED), tf.zeros([shape.chunk], tf.float32)], axis=0)  # fmt: skip
        new_keys, new_values = [], []
        for number in range(shape.layers):
            x, key, value = self._block(f"encoder.blocks.{number}", x, mask, keys[number],
                                        values[number])  # fmt: skip
            new_keys.append(key[shape.chunk :])
            new_values.append(value[shape.chunk :])
        x = self._norm("encoder.norm", x)
        frames = self._linear("project", tf.reshape(x, [shape.chunk // STACK, STACK * shape.width]))
        return {
            "frames": frames[None],
            "context_out": heard[:, -CONV_CONTEXT:],
            "keys_out": tf.stack(new_keys),
            "values_out": tf.stack(new_values),
            "position_out": position + shape.chunk,
        }

    def predictor(self, contexts: Any) -> dict[str, Any]:
        """(rows, 2) int32 -> (rows, joint)."""
        table = tf.constant(self._weights["embedding.weight"])
        embedded = tf.reshape(tf.gather(table, contexts), [JOINT_ROWS, 2 * self.shape.embedding])
        hidden = tf.nn.relu(self._linear("context", embedded))
        return {"predictions": self._linear("predict", hidden)}

    def joint(self, frame: Any, predictions: Any) -> dict[str, Any]:
        """(1, joint) and (rows, joint) -> (rows, vocabulary) log probabilities."""
        logits = self._linear("output", tf.tanh(frame + predictions))
        return {"log_probs": tf.nn.log_softmax(logits)}

    def _block(self, name: str, x: Any, mask: Any, keys: Any, values: Any) -> tuple[Any, Any, Any]:
        shape = self.shape
        qkv = self._linear(f"{name}.qkv", self._norm(f"{name}.attention_norm", x))
        query, key, value = tf.split(qkv, 3, axis=-1)
        keys = tf.concat([keys, key], axis=0)
        values = tf.concat([values, value], axis=0)
        head = shape.width // shape.heads
        scores = tf.matmul(self._heads(query) * head**-0.5, self._heads(keys), transpose_b=True)
        seen = tf.matmul(tf.nn.softmax(scores + mask), self._heads(values))
        seen = tf.reshape(tf.transpose(seen, [1, 0, 2]), [shape.chunk, shape.width])
        x += self._linear(f"{name}.out", seen)
        up = self._gelu(self._linear(f"{name}.up", self._norm(f"{name}.mlp_norm", x)))
        return x + self._linear(f"{name}.down", up), keys, values

    def _heads(self, x: Any) -> Any:
        """(frames, width) -> (heads, frames, width / heads)."""
        heads = tf.reshape(x, [x.shape[0], self.shape.heads, self.shape.width // self.shape.heads])
        return tf.transpose(heads, [1, 0, 2])

    def _linear(self, name: str, x: Any) -> Any:
        """(rows, in) -> (rows, out); a 1x1 convolution, for those are quantized by channel."""
        weight = self._weights[f"{name}.weight"].T[None, None]
        y = tf.nn.conv2d(x[None, :, None], tf.constant(weight), 1, "VALID")
        return (y + self._weights[f"{name}.bias"])[0, :, 0]

    def _convolve(self, name: str, x: Any, stride: int) -> Any:
        """(1, frames, in) -> (1, frames', out); the kernel spans three frames, no padding."""
        weight = self._weights[f"{name}.weight"].transpose(2, 1, 0)[:, None]
        y = tf.nn.conv2d(x[:, :, None], tf.constant(weight), [stride, 1], "VALID")
        return (y + self._weights[f"{name}.bias"])[:, :, 0]

    def _norm(self, name: str, x: Any) -> Any:
        mean = tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axis=-1, keepdims=True)
        normal = (x - mean) * tf.math.rsqrt(variance + 1e-5)
        return normal * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _gelu(self, x: Any) -> Any:
        return tf.nn.gelu(x, approximate=False)


def convert(
    function: Callable[..., dict[str, Any]], inputs: Sequence[tf.TensorSpec], quantize: bool
) -> bytes:
    """Return the TFLite graph of a function, with a signature that names its tensors."""
    module = tf.Module()
    module.run = tf.function(function, input_signature=inputs)
    concrete = module.run.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    model: bytes = converter.convert()
    return model


def export(shape: Shape, weights: Weights, folder: Path, quantize: bool = True) -> None:
    """Write the three graphs into a folder."""
    graphs = Graphs(shape, weights)
    cache = [shape.layers, shape.left, shape.width]
    spec = tf.TensorSpec
    inputs = {
        "encoder": [
            spec([1, shape.chunk * STRIDE, 80], name="features"),
            spec([1, CONV_CONTEXT, 80], name="context"),
            spec(cache, name="keys"),
            spec(cache, name="values"),
            spec([1], tf.int32, name="position"),
        ],
        "predictor": [spec([JOINT_ROWS, 2], tf.int32, name="contexts")],
        "joint": [
            spec([1, shape.joint], name="frame"),
            spec([JOINT_ROWS, shape.joint], name="predictions"),
        ],
    }
    for name, specs in inputs.items():
        model = convert(getattr(graphs, name), specs, quantize)
        (folder / f"{name}.tflite").write_bytes(model)
