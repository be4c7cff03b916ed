"""Exports the first pass as TFLite graphs.

In: the weights of a `Transducer` with a frozen encoder, and of a `Top` trained on it. Out:
`trunk.tflite`, the frozen encoder, and `top.tflite`, both streaming, `predictor.tflite` and
`joint.tflite`, which `auricle.recognizer` runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from auricle.errors import ModelError
from auricle_train.export.encoder import ChunkedEncoder, Specs, convert, known_mask
from auricle_train.export.layers import Layers, Weights, attend
from auricle_train.models.dimensions import Shape
from auricle_train.models.top import TopShape
from auricle_train.models.transducer import CONV_CONTEXT, STRIDE

JOINT_ROWS = 8  # hypotheses per call of the joint or the predictor


class FirstPassGraphs:
    """Networks of the first pass with constant weights; names of the top's start with `top.`."""

    def __init__(self, shape: Shape, top: TopShape, layers: Layers) -> None:
        """Raise ModelError if encoder and top do not match."""
        if top.streams != ("encoder",) or top.chunk * top.stack != shape.chunk:
            raise ModelError(
                f"top: reads {top.streams} in chunks of {top.chunk} search frames; the exported "
                f"encoder gives ('encoder',) in chunks of {shape.chunk // top.stack}"
            )
        self.shape, self.shape_of_top = shape, top
        self._layers, self._encoder = layers, ChunkedEncoder(shape, layers)

    def trunk_inputs(self) -> Specs:
        """Return the input specification of `trunk`."""
        shape = self.shape
        cache = tf.TensorSpec([shape.layers, shape.left, shape.width])
        return {
            "features": tf.TensorSpec([1, shape.chunk * STRIDE, 80]),
            "context": tf.TensorSpec([1, CONV_CONTEXT, 80]),
            "keys": cache,
            "values": cache,
            "position": tf.TensorSpec([1], tf.int32),
        }

    def trunk(
        self, features: Any, context: Any, keys: Any, values: Any, position: Any
    ) -> dict[str, Any]:
        """Encode one chunk, with the same result as `Encoder` on the whole utterance.

        Args:
            features: (1, chunk * STRIDE, 80).
            context: (1, CONV_CONTEXT, 80), the preceding features.
            keys: (layers, left, width) of the preceding frames, zeros before the start.
            values: (layers, left, width), as for keys.
            position: (1,) int32, encoder frames before this chunk.
        """
        state, encoded = self._encoder.chunk(features, context, keys, values, position)
        return {"encoded": encoded[:, :, 0], **state}

    def top_inputs(self) -> Specs:
        """Return the input specification of `top`."""
        top = self.shape_of_top
        cache = tf.TensorSpec([top.layers, top.left, top.width])
        return {
            "encoded": tf.TensorSpec([1, self.shape.chunk, self.shape.width]),
            "top_keys": cache,
            "top_values": cache,
            "top_near": tf.TensorSpec([top.layers, top.kernel - 1, top.width]),
            "position": tf.TensorSpec([1], tf.int32),
        }

    def top(
        self, encoded: Any, top_keys: Any, top_values: Any, top_near: Any, position: Any
    ) -> dict[str, Any]:
        """Encode one chunk of encoder frames, with the same result as `Top.encode` on the whole.

        Args:
            encoded: (1, chunk, width), output of `trunk`.
            top_keys: (top layers, top left, top width), keys of the top.
            top_values: (top layers, top left, top width), values of the top.
            top_near: (top layers, kernel - 1, top width), previous inputs of the convolutions.
            position: (1,) int32, encoder frames before this chunk.
        """
        top, layers = self.shape_of_top, self._layers
        x = tf.reshape(encoded, [1, top.chunk, 1, top.inputs])
        x = layers.linear("top.input", layers.norm("top.input_norm", x))
        mask = known_mask(position // top.stack, top.left, top.chunk)
        state: dict[str, list[Any]] = {"top_keys_out": [], "top_values_out": [], "top_near_out": []}
        for number in range(top.layers):
            name = f"top.blocks.{number}"
            near = layers.norm(f"{name}.conv_norm", x)[0, :, 0]
            heard = tf.concat([top_near[number], near], axis=0)
            x += layers.depthwise(f"{name}.conv", heard)[None, :, None]
            query, key, value = layers.queries_keys_values(name, x)
            all_keys = tf.concat([top_keys[number], key], axis=0)
            all_values = tf.concat([top_values[number], value], axis=0)
            x = layers.block(name, x, attend(query, all_keys, all_values, top.heads, mask))
            state["top_keys_out"].append(all_keys[top.chunk :])
            state["top_values_out"].append(all_values[top.chunk :])
            state["top_near_out"].append(heard[top.chunk :])
        x = layers.norm("top.norm", x)
        ctc = tf.nn.log_softmax(layers.linear("top.ctc", x)[:, :, 0])
        stacked = {name: tf.stack(parts) for name, parts in state.items()}
        return {"frames": layers.linear("top.project", x)[:, :, 0], "ctc": ctc, **stacked}

    def predictor(self, contexts: Any) -> dict[str, Any]:
        """Map contexts (rows, 2) int32 to `predictions` (rows, joint)."""
        embedded = self._layers.lookup("top.embedding.weight", tf.reshape(contexts, [-1]))
        embedded = tf.reshape(embedded, [1, JOINT_ROWS, 1, 2 * self.shape_of_top.embedding])
        hidden = tf.nn.relu(self._layers.linear("top.context", embedded))
        return {"predictions": self._layers.linear("top.predict", hidden)[0, :, 0]}

    def joint(self, frame: Any, predictions: Any) -> dict[str, Any]:
        """Map (1, joint) and (rows, joint) to `log_probs` (rows, vocabulary)."""
        hidden = tf.tanh(frame + predictions)[None, :, None]
        return {"log_probs": tf.nn.log_softmax(self._layers.linear("top.output", hidden)[0, :, 0])}


def export_first_pass(
    shape: Shape, top: TopShape, weights: Weights, folder: Path, quantize: bool = True
) -> None:
    """Write the four graphs into a folder.

    Args:
        shape: sizes of the recogniser with the frozen encoder.
        top: sizes of the top.
        weights: weights of the recogniser, and of the top with prefix `top.`.
        folder: existing folder.
        quantize: False keeps float32 weights.

    Raises:
        ModelError: encoder and top do not match.
    """
    graphs = FirstPassGraphs(shape, top, Layers(weights, quantize))
    specs: list[tuple[Any, Specs]] = [
        (graphs.trunk, graphs.trunk_inputs()),
        (graphs.top, graphs.top_inputs()),
        (graphs.predictor, {"contexts": tf.TensorSpec([JOINT_ROWS, 2], tf.int32)}),
        (graphs.joint, {
            "frame": tf.TensorSpec([1, top.joint]),
            "predictions": tf.TensorSpec([JOINT_ROWS, top.joint]),
        }),
    ]  # fmt: skip
    for function, inputs in specs:
        path = folder / f"{function.__name__}.tflite"
        path.write_bytes(convert(function, inputs, quantize))
