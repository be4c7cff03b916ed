"""The layers of our networks in TensorFlow, in the form that TFLite quantizes best.

In: the weights of a PyTorch network. Out: functions on tensors of (a, b, 1, width), where `a` or
`b` is the number of frames or hypotheses. Linear layers are 1x1 convolutions, because TFLite
quantizes those per output channel.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Weights = dict[str, NDArray[np.float32]]
MASKED = -1e4  # added to masked attention scores


class Layers:
    """Layers named as in PyTorch, with their weights as constants."""

    def __init__(self, weights: Weights, quantize: bool) -> None:
        """Take the weights; `quantize` says whether the graph will be quantized, see `lookup`."""
        self._weights = weights
        self._quantize = quantize

    def linear(self, name: str, x: Any) -> Any:
        """(a, b, 1, in) -> (a, b, 1, out)."""
        return self._convolve(name, x, self._weights[f"{name}.weight"].T[None, None], 1)

    def convolve(self, name: str, x: Any, stride: int) -> Any:
        """(1, frames, 1, in) -> (1, frames', 1, out); kernel of three frames, without padding."""
        return self._convolve(
            name, x, self._weights[f"{name}.weight"].transpose(2, 1, 0)[:, None], stride
        )

    def _convolve(self, name: str, x: Any, kernel: NDArray[np.float32], stride: int) -> Any:
        y = tf.nn.conv2d(x, tf.constant(kernel), [stride, 1], "VALID")
        bias = self._weights.get(f"{name}.bias")
        return y if bias is None else y + bias

    def depthwise(self, name: str, x: Any) -> Any:
        """(frames + kernel - 1, width) -> (frames, width): causal depthwise convolution and SiLU.

        A sum of products, because TFLite's depthwise convolution is not faster on so few frames.
        """
        kernel = self._weights[f"{name}.weight"][:, 0].T  # (kernel, width)
        frames = x.shape[0] - len(kernel) + 1
        y = self._weights[f"{name}.bias"] + tf.add_n(
            [x[place : place + frames] * row for place, row in enumerate(kernel)]
        )
        return y * tf.sigmoid(y)

    def norm(self, name: str, x: Any) -> Any:
        """Layer normalization over the last axis."""
        mean = tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axis=-1, keepdims=True)
        normal = (x - mean) * tf.math.rsqrt(variance + 1e-5)
        return normal * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def queries_keys_values(self, name: str, x: Any) -> Any:
        """(1, n, 1, width) -> queries, keys and values of a Transformer layer, each (n, width)."""
        qkv = self.linear(f"{name}.qkv", self.norm(f"{name}.attention_norm", x))
        return tf.split(qkv[0, :, 0], 3, axis=-1)

    def block(self, name: str, x: Any, seen: Any) -> Any:
        """Layer input (1, n, 1, width) and attention result (n, width) -> layer output."""
        x += self.linear(f"{name}.out", seen[None, :, None])
        return x + self.feed_forward(name, x)

    def feed_forward(self, name: str, x: Any) -> Any:
        """Return the output of the feed-forward network of a Transformer layer."""
        hidden = gelu(self.linear(f"{name}.up", self.norm(f"{name}.mlp_norm", x)))
        return self.linear(f"{name}.down", hidden)

    def rows(self, name: str) -> int:
        """Return the number of rows of a table."""
        return len(self._weights[name])

    def lookup(self, name: str, rows: Any) -> Any:
        """Return rows (n,) of a table as (n, width).

        TFLite would quantize the table with a single scale and dequantize all of it at each call.
        Here each row has its own scale, like each output of a linear layer with the same weights.
        """
        table = self._weights[name]
        if not self._quantize:
            return tf.gather(tf.constant(table), rows)
        scales = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-9)
        whole = np.round(table / scales).astype(np.int8)
        # TFLite does not quantize constants read by `gather_nd`.
        scale = tf.gather_nd(tf.constant(scales.astype(np.float32)), rows[:, None])
        return tf.cast(tf.gather(tf.constant(whole), rows), tf.float32) * scale


def attend(query: Any, keys: Any, values: Any, heads: int, mask: Any = 0.0) -> Any:
    """Multi-head attention: queries (n, width), keys and values (m, width) -> (n, width).

    `mask` is added to the scores, (heads, n, m).
    """
    width = query.shape[-1]

    def split(x: Any) -> Any:
        return tf.transpose(tf.reshape(x, [-1, heads, width // heads]), [1, 0, 2])

    scores = tf.matmul(split(query) * (width // heads) ** -0.5, split(keys), transpose_b=True)
    seen = tf.matmul(tf.nn.softmax(scores + mask), split(values))
    return tf.reshape(tf.transpose(seen, [1, 0, 2]), [-1, width])


def gelu(x: Any) -> Any:
    """Return the exact Gaussian error linear unit, as in Whisper."""
    return tf.nn.gelu(x, approximate=False)
