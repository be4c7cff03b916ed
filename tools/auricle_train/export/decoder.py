"""Exports the second pass as TFLite graphs: encoder of a whole utterance, and one decoder step.

In: the weights of a `Transducer` with an `AttentionDecoder`. Out: `memory.tflite` and
`decoder.tflite`, which `auricle.recognizer.attention_decoder` runs.

Each layer has separate inputs for its keys and values, because slices of a common input would be
copied in each step. The axis order lets TFLite multiply without transposing first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python.schema_py_generated import ModelT, TensorT
from tensorflow.lite.tools import flatbuffer_utils

from auricle.features import BANDS, SILENCE
from auricle_train.export.encoder import Specs, convert
from auricle_train.export.layers import MASKED, Layers, Weights, attend, gelu
from auricle_train.models.dimensions import PADDING
from auricle_train.models.transducer import CONV_CONTEXT, STRIDE, Shape

ROWS = 4  # hypotheses per decoder step
PLACES = 96  # maximum positions per utterance: prompt and pieces
CHUNKS = 39  # of 640 ms each: utterances of 25 s, with the silence after them
SECOND = "second_encoder"  # weight name prefix of the second pass's encoder


class DecoderGraphs:
    """Networks of the second pass, with the weights of a `Transducer` as constants."""

    def __init__(self, shape: Shape, layers: Layers) -> None:
        self.shape = shape
        self._layers = layers
        self._head = shape.width // shape.heads
        self._prompt = layers.rows("decoder.prompt")

    def memory_inputs(self) -> Specs:
        """Return the input specification of `memory`: any even number of log-mel frames."""
        return {"features": tf.TensorSpec([1, None, BANDS])}

    def memory(self, features: Any) -> dict[str, Any]:
        """Map log-mel features (1, n, 80) to keys and values of cross attention, see `decoder`.

        The result equals `transducer.Encoder` with `chunked=False` on the features and added
        silence. `prompt` (1,) int32 is the number of positions before the pieces.
        """
        shape, layers, keys, values = self.shape, self._layers, [], []
        encoder = SECOND if shape.second_encoder else "encoder"
        before = tf.fill([1, CONV_CONTEXT, BANDS], SILENCE)
        after = tf.fill([1, STRIDE * PADDING, BANDS], SILENCE)
        x = tf.concat([before, features, after], axis=1)[:, :, None]
        x = gelu(layers.convolve(f"{encoder}.conv1", x, 1))
        x = gelu(layers.convolve(f"{encoder}.conv2", x, STRIDE))  # (1, n / STRIDE, 1, width)
        where = tf.math.floormod(tf.range(tf.shape(x)[1]), shape.positions)
        x += layers.lookup(f"{encoder}.positions", where)[None, :, None]
        for number in range(shape.layers):
            name = f"{encoder}.blocks.{number}"
            seen = attend(*layers.queries_keys_values(name, x), shape.heads)
            x = layers.block(name, x, seen)
        x = layers.norm(f"{encoder}.norm", x)
        for number in range(shape.decoder_layers):
            both = layers.linear(f"decoder.blocks.{number}.cross_kv", x)
            heads = tf.reshape(both, [-1, 2, shape.heads, self._head])
            keys.append(tf.transpose(heads[:, 0], [1, 0, 2]))
            values.append(tf.transpose(heads[:, 1], [1, 2, 0]))
        return {
            "keys": tf.stack(keys),
            "values": tf.stack(values),
            "prompt": tf.constant([self._prompt], tf.int32),
        }

    def decoder_inputs(self) -> Specs:
        """Return the input specification of `decoder`; frames and positions may be fewer."""
        shape, head, frames = self.shape, self._head, CHUNKS * self.shape.chunk
        layered = {
            "keys": [ROWS, shape.heads, PLACES, head],
            "values": [ROWS, shape.heads, head, PLACES],
            "memory_keys": [shape.heads, frames, head],
            "memory_values": [shape.heads, head, frames],
        }
        inputs = {
            "pieces": tf.TensorSpec([ROWS], tf.int32),
            "position": tf.TensorSpec([1], tf.int32),
            "known": tf.TensorSpec([PLACES]),
        }
        for number in range(shape.decoder_layers):
            inputs |= {f"{name}_{number}": tf.TensorSpec(size) for name, size in layered.items()}
        return inputs

    def decoder(self, pieces: Any, position: Any, known: Any, **layered: Any) -> dict[str, Any]:
        """Compute one step, with the same result as the last position of `AttentionDecoder`.

        Args:
            pieces: (ROWS,) int32, the last piece of each hypothesis; ignored while `position` is in
                the prompt.
            position: (1,) int32, number of earlier positions.
            known: (places,), 1 for earlier positions, 0 for unused ones.
            layered: inputs of each layer N: `keys_N` (ROWS, heads, places, head) and `values_N`
                (ROWS, heads, head, places) of earlier positions, `memory_keys_N` (heads, frames,
                head) and `memory_values_N` (heads, head, frames) of the audio.

        Returns:
            `log_probs` (ROWS, pieces), and `new_keys` and `new_values` of this position, both
            (layers, ROWS, heads, head).
        """
        layers = self._layers
        prompt = layers.lookup("decoder.prompt", tf.minimum(position, self._prompt - 1))
        embedded = layers.lookup("decoder.embedding.weight", pieces)
        x = tf.where(position[:, None] < self._prompt, prompt, embedded)
        x = (x + layers.lookup("decoder.positions", position))[:, None, None]
        mask = (1.0 - known) * MASKED
        keys, values = [], []
        for number in range(self.shape.decoder_layers):
            name = f"decoder.blocks.{number}"
            own, key, value = self._attend_before(
                name, x, layered[f"keys_{number}"], layered[f"values_{number}"], mask
            )
            x += own
            x += self._attend_frames(
                name, x, layered[f"memory_keys_{number}"], layered[f"memory_values_{number}"]
            )
            x += layers.feed_forward(name, x)
            keys.append(key)
            values.append(value)
        logits = layers.linear("decoder.embedding", layers.norm("decoder.norm", x))
        return {
            "log_probs": tf.nn.log_softmax(logits[:, 0, 0]),
            "new_keys": tf.stack(keys),
            "new_values": tf.stack(values),
        }

    def _attend_before(
        self, name: str, x: Any, keys: Any, values: Any, mask: Any
    ) -> tuple[Any, Any, Any]:
        """Attend to earlier positions and this one; return the output and this key and value."""
        qkv = self._layers.linear(f"{name}.qkv", self._layers.norm(f"{name}.attention_norm", x))
        qkv = tf.reshape(qkv, [ROWS, 3, self.shape.heads, self._head])
        query, key, value = (qkv[:, part, :, None] for part in range(3))
        query *= self._head**-0.5
        scores = tf.matmul(query, keys, transpose_b=True) + mask
        own = tf.reduce_sum(query * key, axis=-1, keepdims=True)
        shares = tf.nn.softmax(tf.concat([scores, own], axis=-1))
        seen = tf.matmul(shares[..., :-1], values, transpose_b=True) + shares[..., -1:] * value
        added = self._layers.linear(f"{name}.out", tf.reshape(seen, x.shape))
        return added, key[:, :, 0], value[:, :, 0]

    def _attend_frames(self, name: str, x: Any, keys: Any, values: Any) -> Any:
        query = self._layers.linear(
            f"{name}.cross_query", self._layers.norm(f"{name}.cross_norm", x)
        )
        query = tf.reshape(query, [ROWS, self.shape.heads, self._head]) * self._head**-0.5
        scores = tf.matmul(tf.transpose(query, [1, 0, 2]), keys, transpose_b=True)
        seen = tf.matmul(tf.nn.softmax(scores), values, transpose_b=True)
        seen = tf.reshape(tf.transpose(seen, [1, 0, 2]), x.shape)
        return self._layers.linear(f"{name}.cross_out", seen)


def export_second_pass(shape: Shape, weights: Weights, folder: Path, quantize: bool = True) -> None:
    """Write `memory.tflite` and `decoder.tflite` into a folder.

    Args:
        shape: sizes of the recogniser.
        weights: weights of a `Transducer`.
        folder: existing folder.
        quantize: False keeps float32 weights.
    """
    graphs = DecoderGraphs(shape, Layers(weights, quantize))
    memory, decoder = folder / "memory.tflite", folder / "decoder.tflite"
    memory.write_bytes(convert(graphs.memory, graphs.memory_inputs(), quantize))
    decoder.write_bytes(convert(graphs.decoder, graphs.decoder_inputs(), quantize))
    share_table(decoder, [shape.pieces, shape.width])


def share_table(path: Path, size: list[int]) -> None:
    """Store the piece embeddings and the output weights of a decoder graph only once.

    Both have the same numbers and the same scale per piece, except for a few in a million that
    differ by one, because TFLite rounds halves differently.

    Args:
        path: graph file; it is overwritten.
        size: (pieces, width) of the embeddings.

    Raises:
        ValueError: the graph does not have two such constants, or they differ.
    """
    model = flatbuffer_utils.read_model(str(path))
    found = [_constants(model, one) for one in (size, [size[0], 1, 1, size[1]])]
    if [len(tensors) for tensors in found] != [1, 1]:
        raise ValueError(f"{path}: has no two constants of {size} that could be one")
    (table,), (output,) = found
    if table.buffer == output.buffer:
        return  # float graphs share it already
    first, second = (_numbers(model, tensor) for tensor in (table, output))
    if np.abs(first - second).max() > 1:
        raise ValueError(f"{path}: the table of the pieces is not the weights of the output")
    model.buffers[table.buffer].data = None
    table.buffer = output.buffer
    flatbuffer_utils.write_model(model, str(path))


def _constants(model: ModelT, size: list[int]) -> list[TensorT]:
    return [
        tensor
        for tensor in model.subgraphs[0].tensors
        if list(tensor.shape) == size and model.buffers[tensor.buffer].data is not None
    ]


def _numbers(model: ModelT, tensor: TensorT) -> NDArray[np.int32]:
    content = np.asarray(model.buffers[tensor.buffer].data, np.uint8)
    return content.view(np.int8).astype(np.int32)
