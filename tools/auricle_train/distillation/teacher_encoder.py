"""Whisper's encoder with full attention, the teacher of encoder frames.

In: `model.bin` of a Whisper model of any size in CTranslate2 format. Out: a
`models.transducer.Encoder` with the sizes of the file.
"""

from __future__ import annotations

import struct
from pathlib import Path

from auricle.errors import ModelError
from auricle_train.models.dimensions import Shape
from auricle_train.models.transducer import Encoder
from auricle_train.models.whisper_weights import read_part, sizes


def load_teacher_encoder(model: Path) -> Encoder:
    """Return the encoder; call it with `chunked=False`.

    Raises:
        ModelError: the file is missing or is not a Whisper model in CTranslate2 format.
    """
    try:
        weights = read_part(model, "encoder")
        shape = Shape(**sizes(weights, read_part(model, "decoder")))
    except (OSError, ValueError, struct.error) as error:
        raise ModelError(f"{error}: name a Whisper model in CTranslate2's format") from error
    encoder = Encoder(shape)
    encoder.load_whisper(weights)
    return encoder.eval().requires_grad_(False)
