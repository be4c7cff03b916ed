"""The sizes of the networks, which checkpoints and bundles carry, and the rates of their frames."""

from __future__ import annotations

from dataclasses import asdict, dataclass

CONV_CONTEXT = 3  # feature frames before a chunk that its first encoder frame still needs
STRIDE = 2  # feature frames to an encoder frame
PADDING = 50  # encoder frames of silence (1 s) after an utterance, which tell the decoder to end
STACK = 2  # encoder frames to a frame of the joint


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks; a checkpoint and a bundle carry it."""

    vocabulary: int = 512  # tokens, blank included
    layers: int = 4
    width: int = 384
    heads: int = 6
    hidden: int = 1536
    positions: int = 1500  # encoder frames after which the position encoding begins anew
    chunk: int = 32  # encoder frames (20 ms) that see each other: 640 ms
    left: int = 256  # encoder frames before the chunk that it sees: 5.12 s
    joint: int = 512
    embedding: int = 256
    branch: int = 0  # last layers of the encoder that the first pass has a version of its own of
    decoder_layers: int = 4  # of the second pass
    pieces: int = 10240  # its vocabulary, the end included
    prompt: int = 2  # tokens that its Whisper expects before the text
    second_encoder: bool = False  # the second pass has an encoder of its own, see `Transducer`
    encoder: str = "attention"  # or "lstm", of which the next two tell
    cells: int = 480  # of each of `layers` layers, projected to `width`
    ahead: int = 8  # frames of the joint (40 ms) that it waits for: as chunks do in the mean

    def as_dict(self) -> dict[str, int | str]:
        """Return the sizes by name."""
        return asdict(self)
