"""Makes the small attention decoder of the tests, and PyTorch's scores for comparison.

Run `python tests/recognizer/attention/make.py` in the training environment, with `tools` and
`daemon` on PYTHONPATH.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from auricle.features import BANDS, SILENCE
from auricle_train.export.decoder import DecoderGraphs, share_table
from auricle_train.export.encoder import convert
from auricle_train.export.layers import Layers
from auricle_train.models.dimensions import PADDING
from auricle_train.models.transducer import STRIDE, Shape, Transducer

HERE = Path(__file__).parent
SHAPE = Shape(
    layers=2, width=32, heads=2, hidden=64, chunk=8, branch=1, decoder_layers=2, pieces=48,
    second_encoder=True,
)  # fmt: skip
FRAMES = 80  # of features
FIRST = 3  # encoder frame at which transcription begins
PIECES = 40


def main() -> None:
    """Write `memory.tflite`, `decoder.tflite` and `expected.npz` beside this file."""
    torch.manual_seed(1)
    model = Transducer(SHAPE).eval()
    for vectors in (*model.decoder.tables, model.second_encoder.positions):
        torch.nn.init.normal_(vectors, std=0.4)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    graphs = DecoderGraphs(SHAPE, Layers(weights, quantize=True))
    for function, inputs in (
        (graphs.memory, graphs.memory_inputs()),
        (graphs.decoder, graphs.decoder_inputs()),
    ):
        path = HERE / f"{function.__name__}.tflite"
        path.write_bytes(convert(function, inputs, quantize=True))
    share_table(HERE / "decoder.tflite", [SHAPE.pieces, SHAPE.width])
    features = torch.randn(1, FRAMES, BANDS) * 0.3
    padded = functional.pad(features, (0, 0, 0, STRIDE * PADDING), value=SILENCE)
    heard = torch.ones(1, padded.shape[1] // STRIDE, dtype=torch.bool)
    heard[:, :FIRST] = False
    pieces = torch.randint(1, SHAPE.pieces, (1, PIECES))
    with torch.no_grad():
        encoded = model.second_encoder(padded, chunked=False)
        log_probs = model.decoder(encoded, heard, pieces).log_softmax(-1)
    np.savez_compressed(
        HERE / "expected.npz",
        features=features[0].numpy(),
        first=np.array(FIRST),
        pieces=pieces[0].numpy(),
        log_probs=log_probs[0].numpy(),
    )


if __name__ == "__main__":
    main()
