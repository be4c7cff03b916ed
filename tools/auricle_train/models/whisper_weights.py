"""Reads Whisper's weights from a CTranslate2 file, without CTranslate2.

In: `model.bin` (format 6: a header, then name, shape, type and bytes of each variable). Out: the
float32 weights of the encoder or decoder by name. Whisper: Radford et al., arXiv:2212.04356 (MIT).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_part(path: Path, part: str) -> dict[str, NDArray[np.float32]]:
    """Return the variables of part "encoder" or "decoder", without that prefix, as float32.

    Raises:
        ValueError: the file is not a CTranslate2 Whisper model of format 6 with float weights.
    """
    with path.open("rb") as file:
        (version,) = _read(file, "I")
        if version != 6 or (specification := _read_name(file)) != "WhisperSpec":
            raise ValueError(f"{path}: not a CTranslate2 Whisper model of format 6")
        _read(file, "I")  # revision of the specification
        (count,) = _read(file, "I")
        weights = dict(_read_variable(file) for _ in range(count))
    chosen = {
        name.removeprefix(f"{part}/"): value.astype(np.float32)
        for name, value in weights.items()
        if name.startswith(f"{part}/")
    }
    if not chosen:
        raise ValueError(f"{path}: has no {part} ({specification})")
    return chosen


def sizes(
    encoder: dict[str, NDArray[np.float32]], decoder: dict[str, NDArray[np.float32]]
) -> dict[str, int]:
    """Return the sizes of both parts, named as in `Shape`."""
    hidden, width = encoder["layer_0/ffn/linear_0/weight"].shape
    layers = "/ffn/linear_0/weight"
    return {
        "layers": sum(name.endswith(layers) for name in encoder),
        "width": width,
        "heads": int(encoder["num_heads"]),
        "hidden": hidden,
        "positions": len(encoder["position_encodings/encodings"]),
        "decoder_layers": sum(name.endswith(layers) for name in decoder),
    }


def read_tokens(path: Path) -> list[str]:
    """Return the tokens in `vocabulary.txt` next to `model.bin`."""
    return path.with_name("vocabulary.txt").read_bytes().decode("utf-8", "replace").split("\n")


def _read(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))


def _read_name(file: BinaryIO) -> str:
    (length,) = _read(file, "H")
    return file.read(length).rstrip(b"\0").decode()


def _read_variable(file: BinaryIO) -> tuple[str, NDArray[np.generic]]:
    name = _read_name(file)
    (rank,) = _read(file, "B")
    shape = _read(file, f"{rank}I")
    kind, size = _read(file, "BI")
    return name, np.frombuffer(file.read(size), TYPES[kind]).reshape(shape)
