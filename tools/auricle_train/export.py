"""Writes the networks as TFLite graphs with int8 weights per channel.

In: a checkpoint of `train`. Out: `encoder.tflite`, `predictor.tflite`, `joint.tflite` and, of the
second pass, `memory.tflite` and `decoder.tflite`, which `auricle.recognizer` runs. Weights are int8
with a scale for each output channel, activations are quantized as they come (dynamic range), sums
are float.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from auricle_train.export_decoder import DecoderGraphs, Specs, share_table
from auricle_train.layers import MASKED, Layers, Weights, attend, gelu
from auricle_train.network import CONV_CONTEXT, STACK, STRIDE, Shape

JOINT_ROWS = 8  # hypotheses that one call of the joint or the predictor takes


class Graphs:
    """The networks of the first pass, with the weights of a PyTorch `Transducer` as constants."""

    def __init__(self, shape: Shape, layers: Layers) -> None:
        self.shape = shape
        self._layers = layers

    def encoder(
        self, features: Any, context: Any, keys: Any, values: Any, position: Any
    ) -> dict[str, Any]:
        """One chunk; the same as `network.Encoder` and `Transducer.frames` on the whole.

        Args:
            features: (1, chunk * STRIDE, 80).
            context: (1, CONV_CONTEXT, 80), the features before them.
            keys: (layers, left, width) of the frames before, zeros where there are none; the
                layers of the branch come last.
            values: the same.
            position: (1,) int32, encoder frames before this chunk.
        """
        shape, layers = self.shape, self._layers
        heard = tf.concat([context, features], axis=1)
        x = gelu(layers.convolve("encoder.conv1", heard[:, :, None], 1))
        x = gelu(layers.convolve("encoder.conv2", x, STRIDE))  # (1, chunk, 1, width)
        where = tf.math.floormod(position + tf.range(shape.chunk), shape.positions)
        x += layers.lookup("encoder.positions", where)[None, :, None]
        known = tf.range(shape.left) >= shape.left - tf.minimum(position, shape.left)
        mask = tf.concat([
            tf.where(known, 0.0, MASKED), tf.zeros([shape.chunk], tf.float32)], axis=0)  # fmt: skip
        new_keys, new_values = [], []
        trunk = shape.layers - shape.branch

        def climb(x: Any, blocks: str, numbers: range) -> Any:
            for number in numbers:
                place = len(new_keys)
                x, key, value = self._block(f"{blocks}.{number}", x, mask, keys[place],
                                            values[place])  # fmt: skip
                new_keys.append(key[shape.chunk :])
                new_values.append(value[shape.chunk :])
            return x

        shared = climb(x, "encoder.blocks", range(trunk))
        if shape.branch:
            own = climb(shared, "branch.blocks", range(shape.branch))
            first = layers.norm("branch.norm", own)
        else:
            first = layers.norm("encoder.norm", shared)
        stacked = tf.reshape(first, [1, shape.chunk // STACK, 1, STACK * shape.width])
        return {
            "frames": layers.linear("project", stacked)[:, :, 0],
            "shared": shared[:, :, 0],
            "context_out": heard[:, -CONV_CONTEXT:],
            "keys_out": tf.stack(new_keys),
            "values_out": tf.stack(new_values),
            "position_out": position + shape.chunk,
        }

    def encoder_inputs(self) -> Specs:
        """Return what `encoder` takes."""
        shape = self.shape
        cache = tf.TensorSpec([shape.layers, shape.left, shape.width])
        return {
            "features": tf.TensorSpec([1, shape.chunk * STRIDE, 80]),
            "context": tf.TensorSpec([1, CONV_CONTEXT, 80]),
            "keys": cache,
            "values": cache,
            "position": tf.TensorSpec([1], tf.int32),
        }

    def predictor(self, contexts: Any) -> dict[str, Any]:
        """(rows, 2) int32 -> (rows, joint)."""
        embedded = self._layers.lookup("embedding.weight", tf.reshape(contexts, [-1]))
        embedded = tf.reshape(embedded, [1, JOINT_ROWS, 1, 2 * self.shape.embedding])
        hidden = tf.nn.relu(self._layers.linear("context", embedded))
        return {"predictions": self._layers.linear("predict", hidden)[0, :, 0]}

    def joint(self, frame: Any, predictions: Any) -> dict[str, Any]:
        """(1, joint) and (rows, joint) -> (rows, vocabulary) log probabilities."""
        hidden = tf.tanh(frame + predictions)[None, :, None]
        return {"log_probs": tf.nn.log_softmax(self._layers.linear("output", hidden)[0, :, 0])}

    def _block(self, name: str, x: Any, mask: Any, keys: Any, values: Any) -> tuple[Any, Any, Any]:
        query, key, value = self._layers.queries_keys_values(name, x)
        keys = tf.concat([keys, key], axis=0)
        values = tf.concat([values, value], axis=0)
        seen = attend(query, keys, values, self.shape.heads, mask)
        return self._layers.block(name, x, seen), keys, values


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


def export(
    shape: Shape, weights: Weights, folder: Path, quantize: bool = True, second_pass: bool = True
) -> None:
    """Write all graphs into a folder, those of the second pass if it is wanted."""
    first = Graphs(shape, Layers(weights, quantize))
    contexts = tf.TensorSpec([JOINT_ROWS, 2], tf.int32)
    frames = {
        "frame": tf.TensorSpec([1, shape.joint]),
        "predictions": tf.TensorSpec([JOINT_ROWS, shape.joint]),
    }
    _write(folder, first.encoder, first.encoder_inputs(), quantize)
    _write(folder, first.predictor, {"contexts": contexts}, quantize)
    _write(folder, first.joint, frames, quantize)
    if second_pass:
        export_second(shape, weights, folder, quantize)


def export_second(shape: Shape, weights: Weights, folder: Path, quantize: bool = True) -> None:
    """Write the graphs of the second pass into a folder."""
    second = DecoderGraphs(shape, Layers(weights, quantize))
    _write(folder, second.memory, second.memory_inputs(), quantize)
    decoder = _write(folder, second.decoder, second.decoder_inputs(), quantize)
    share_table(decoder, [shape.pieces, shape.width])


def _write(
    folder: Path, function: Callable[..., dict[str, Any]], inputs: Specs, quantize: bool
) -> Path:
    path = folder / f"{function.__name__}.tflite"
    path.write_bytes(convert(function, inputs, quantize))
    return path
