"""Sizes of the networks, which checkpoints and bundles store, and their frame rates."""

from __future__ import annotations

from dataclasses import asdict, dataclass

CONV_CONTEXT = 3  # feature frames before a chunk that its first encoder frame needs
STRIDE = 2  # feature frames per encoder frame
PADDING = 50  # encoder frames of silence (1 s) after an utterance, so that the decoder ends
STACK = 2  # encoder frames per joint frame


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks; stored in checkpoints and bundles."""

    vocabulary: int = 512  # tokens, blank included
    layers: int = 4
    width: int = 384
    heads: int = 6
    hidden: int = 1536
    positions: int = 1500  # encoder frames after which the position encoding wraps around
    chunk: int = 32  # encoder frames (20 ms) per attention chunk: 640 ms
    left: int = 256  # encoder frames of left context before the chunk: 5.12 s
    joint: int = 512
    embedding: int = 256
    branch: int = 0  # number of last encoder layers that the first pass does not share
    decoder_layers: int = 4  # layers of the second pass's decoder
    pieces: int = 10240  # vocabulary of the second pass, end token included
    prompt: int = 2  # length of Whisper's prompt
    second_encoder: bool = False  # whether the second pass has its own encoder, see `Transducer`
    encoder: str = "attention"  # or "lstm"; the next two fields only matter for the latter
    cells: int = 480  # cells per LSTM layer, projected to `width`
    ahead: int = 8  # lookahead in joint frames (40 ms); equals the mean delay of chunks

    def as_dict(self) -> dict[str, int | str]:
        """Return the sizes by name."""
        return asdict(self)
