"""The second pass as TFLite graphs: its encoder of a whole utterance, one step of its decoder.

In: the weights of `attention_decoder.AttentionDecoder`. Out: functions for `export.convert`, whose
graphs `auricle.recognizer.attention_decoder` runs.

Each layer has inputs of its own for what it attends to, for a slice of one input of all layers
would be a copy at each step. Axes are such that TFLite multiplies without transposing first.
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

ROWS = 4  # hypotheses that one step of the decoder takes
PLACES = 96  # places of an utterance: its pieces and the prompt
CHUNKS = 39  # of 640 ms each: utterances of 25 s, with the silence after them
SECOND = "second_encoder"  # name of the second pass' encoder among the weights


class DecoderGraphs:
    """The networks of the second pass, with the weights of a `Transducer` as constants."""

    def __init__(self, shape: Shape, layers: Layers) -> None:
        self.shape = shape
        self._layers = layers
        self._head = shape.width // shape.heads
        self._prompt = layers.rows("decoder.prompt")

    def memory_inputs(self) -> Specs:
        """Return what `memory` takes: an even number of log-mel frames, as many as there are."""
        return {"features": tf.TensorSpec([1, None, BANDS])}

    def memory(self, features: Any) -> dict[str, Any]:
        """(1, n, 80) log-mel -> keys and values of cross attention, see `decoder`.

        All layers see all frames and the silence that is added after them; the same as
        `network.Encoder` with `chunked=False`. `prompt` (1,) int32 tells how many places come
        before the pieces.
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
        """Return what `decoder` takes; frames and places may be fewer."""
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
        """One step; the same as the last place of `AttentionDecoder` on the whole.

        Args:
            pieces: (ROWS,) int32, the last piece of each hypothesis; the prompt is put in its
                stead where `position` is in the prompt.
            position: (1,) int32, places before this one.
            known: (places,), 1 for the places before this one, 0 for those not yet written.
            layered: of layer N, what it attends to: `keys_N` (ROWS, heads, places, head) and
                `values_N` (ROWS, heads, head, places) of the places before, `memory_keys_N`
                (heads, frames, head) and `memory_values_N` (heads, head, frames) of the audio.

        Returns:
            `log_probs` (ROWS, pieces), and of this place `new_keys` and `new_values`, both
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
        """Attend to the places before and to this one, whose key and value are given back too."""
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
        weights: of a `Transducer`.
        folder: exists.
        quantize: False leaves weights in float32.
    """
    graphs = DecoderGraphs(shape, Layers(weights, quantize))
    memory, decoder = folder / "memory.tflite", folder / "decoder.tflite"
    memory.write_bytes(convert(graphs.memory, graphs.memory_inputs(), quantize))
    decoder.write_bytes(convert(graphs.decoder, graphs.decoder_inputs(), quantize))
    share_table(decoder, [shape.pieces, shape.width])


def share_table(path: Path, size: list[int]) -> None:
    """Let the table of the pieces and the weights of the output be one in a decoder's file.

    The two are the same numbers, with the same scale for each piece, but TFLite rounds halves its
    own way: a few in a million differ by one.

    Args:
        path: the graph, which is overwritten.
        size: (pieces, width) of the table.

    Raises:
        ValueError: the graph has no two such constants that agree.
    """
    model = flatbuffer_utils.read_model(str(path))
    found = [_constants(model, one) for one in (size, [size[0], 1, 1, size[1]])]
    if [len(tensors) for tensors in found] != [1, 1]:
        raise ValueError(f"{path}: has no two constants of {size} that could be one")
    (table,), (output,) = found
    if table.buffer == output.buffer:
        return  # as it is in float
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
