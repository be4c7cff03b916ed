"""Makes the small attention decoder that the tests run, and what PyTorch computes with it.

`python tests/recognizer/attention/make.py`, with `tools` and `daemon` on the path, in the
environment of the training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from auricle_train.export import convert
from auricle_train.export_decoder import DecoderGraphs, share_table
from auricle_train.layers import Layers
from auricle_train.network import Shape, Transducer

HERE = Path(__file__).parent
SHAPE = Shape(width=32, heads=2, hidden=64, chunk=8, decoder_layers=2, pieces=48)
CHUNKS = 5
HEARD = (3, 37)
PIECES = 40


def main() -> None:
    """Write `memory.tflite`, `decoder.tflite` and `expected.npz` beside this file."""
    torch.manual_seed(1)
    model = Transducer(SHAPE).decoder
    for vectors in (model.prompt, model.positions, model.embedding.weight):
        torch.nn.init.normal_(vectors, std=0.4)
    weights = {f"decoder.{name}": value.numpy() for name, value in model.state_dict().items()}
    graphs = DecoderGraphs(SHAPE, Layers(weights, quantize=True))
    for function, inputs in (
        (graphs.memory, graphs.memory_inputs()),
        (graphs.decoder, graphs.decoder_inputs()),
    ):
        path = HERE / f"{function.__name__}.tflite"
        path.write_bytes(convert(function, inputs, quantize=True))
    share_table(HERE / "decoder.tflite", [SHAPE.pieces, SHAPE.width])
    encoded = torch.randn(1, CHUNKS * SHAPE.chunk, SHAPE.width)
    heard = torch.zeros(1, CHUNKS * SHAPE.chunk, dtype=torch.bool)
    heard[:, slice(*HEARD)] = True
    pieces = torch.randint(1, SHAPE.pieces, (1, PIECES))
    with torch.no_grad():
        log_probs = model(encoded, heard, pieces).log_softmax(-1)
    np.savez_compressed(
        HERE / "expected.npz",
        encoded=encoded[0].numpy().reshape(CHUNKS, SHAPE.chunk, SHAPE.width),
        heard=np.array(HEARD),
        pieces=pieces[0].numpy(),
        log_probs=log_probs[0].numpy(),
    )


if __name__ == "__main__":
    main()
