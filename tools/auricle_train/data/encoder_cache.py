"""Disk cache of the frozen encoder's output, so that the layers above it train faster.

In: utterances and a checkpoint. Out: a folder of shards. A shard consists of `NAME.f16`, the
concatenated encoder frames (20 ms) of its utterances in float16, and `NAME.json`, their index. A
shard without its JSON file is incomplete and ignored. The encoder runs in chunks, with weights
rounded to int8 per output channel, as on the user's device.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auricle.errors import ModelError, StorageError
from auricle.features import SILENCE
from auricle_train.models.transducer import STRIDE, Encoder, Transducer
from auricle_train.training.precision import computing

FORMAT = 1
CPU = torch.device("cpu")
SEARCH_FRAME = 4  # encoder frames (20 ms) per search frame (80 ms)
STREAMS = ("trunk", "encoder", "branch")
"""Outputs that can be cached. `trunk`: the layers that both passes share. `encoder`: all layers,
normalised. `branch`: the first pass's own last layers, normalised."""


@dataclass(frozen=True)
class Sound:
    """Features of one utterance and its transcript."""

    features: NDArray[np.float32]  # (feature frames, 80)
    text: str
    skipped: int = 0  # feature frames at the start without a transcript (wake word)
    source: str = ""  # name of the data set


@dataclass(frozen=True)
class CachedUtterance:
    """Encoder frames of one utterance and its transcript."""

    frames: NDArray[np.float16]  # (n * SEARCH_FRAME, cached streams * width), 20 ms each
    text: str
    skipped: int  # search frames (80 ms) at the start without a transcript
    source: str  # name of the data set
    columns: tuple[slice, ...]  # columns of the requested streams

    @property
    def search_frames(self) -> int:
        """Number of search frames (80 ms), skipped ones included."""
        return len(self.frames) // SEARCH_FRAME

    def stacked(self) -> NDArray[np.float32]:
        """Return the requested streams, stacked: (n, SEARCH_FRAME * streams * width)."""
        chosen = np.concatenate([self.frames[:, column] for column in self.columns], axis=1)
        return chosen.reshape(self.search_frames, -1).astype(np.float32)


class FrozenEncoder:
    """The encoder as the user's device computes it: chunked, with int8 weights."""

    def __init__(
        self, model: Transducer, streams: Sequence[str], device: torch.device = CPU
    ) -> None:
        """Round the weights of a model in place.

        Args:
            model: model with an attention encoder, in evaluation mode.
            streams: streams to output, in this order; see STREAMS.
            device: where to compute; the model is moved there.

        Raises:
            ModelError: the model has no such stream.
        """
        unknown = [name for name in streams if name not in STREAMS]
        if unknown or not isinstance(model.encoder, Encoder):
            raise ModelError(f"streams: {unknown} not in this encoder: use some of {STREAMS}")
        if "branch" in streams and model.branch is None:
            raise ModelError("streams: this checkpoint has no `branch`: leave it out")
        self.streams = tuple(streams)
        self.shape = model.shape
        self._encoder, self._branch = model.encoder, model.branch
        for part in (model.encoder, model.branch):
            if part is not None:
                round_weights(part)
        self.digest, self.device = digest(model), device
        model.to(device)

    @property
    def width(self) -> int:
        """Width of an encoder frame, all streams together."""
        return len(self.streams) * self.shape.width

    @torch.no_grad()
    def encode(self, sounds: Sequence[Sound]) -> list[NDArray[np.float16]]:
        """Return (frames, width) per utterance; frames are a multiple of SEARCH_FRAME."""
        whole = self.shape.chunk * STRIDE
        longest = -(-max(len(sound.features) for sound in sounds) // whole) * whole
        bands = sounds[0].features.shape[1]
        batch = np.full((len(sounds), longest, bands), SILENCE, np.float32)
        for row, sound in zip(batch, sounds, strict=True):
            row[: len(sound.features)] = sound.features
        frames = self.encode_batch(torch.from_numpy(batch)).cpu().numpy()
        step = STRIDE * SEARCH_FRAME
        counts = [-(-len(sound.features) // step) * SEARCH_FRAME for sound in sounds]
        return [row[:count] for row, count in zip(frames, counts, strict=True)]

    @torch.no_grad()
    def encode_batch(self, features: Tensor) -> Tensor:
        """Encode padded utterances.

        Args:
            features: (batch, feature frames of full chunks, 80) float32, padded with SILENCE.

        Returns:
            (batch, encoder frames, width) float16, on the device.
        """
        with computing(self.device):
            found = self._run(features.to(self.device, non_blocking=True))
        joined = torch.cat([found[name].float() for name in self.streams], dim=-1)
        return joined.to(torch.float16)

    def _run(self, features: Tensor) -> dict[str, Tensor]:
        trunk, mask = self._encoder.trunk(features)
        found = {"trunk": trunk}
        if "encoder" in self.streams:
            found["encoder"] = self._encoder.top(trunk, mask)
        if "branch" in self.streams and self._branch is not None:
            found["branch"] = self._branch(trunk, mask)
        return found


def round_weights(module: nn.Module) -> None:
    """Round the weights of all linear layers and convolutions to int8 per output channel."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv1d):
            weight = part.weight.data
            scale = weight.abs().flatten(1).amax(1).clamp(min=1e-9) / 127
            scale = scale.view(-1, *[1] * (weight.dim() - 1))
            weight.copy_((weight / scale).round() * scale)


def digest(model: Transducer) -> str:
    """Return a hash of the encoder's weights and chunk sizes, which identifies its caches."""
    found = hashlib.sha256(f"{model.shape.chunk} {model.shape.left}".encode())
    for part in (model.encoder, model.branch):
        for name, value in sorted(part.state_dict().items()) if part is not None else ():
            found.update(name.encode())
            found.update(value.detach().float().contiguous().numpy().tobytes())
    return found.hexdigest()


def write_shard(
    folder: Path, name: str, groups: Iterable[Sequence[Sound]], encoder: FrozenEncoder
) -> int:
    """Write one shard atomically; return its number of utterances.

    Args:
        folder: cache folder; created if missing.
        name: name of the shard.
        groups: groups of utterances of similar length, each encoded as one batch.
        encoder: must be the same for all shards in the folder.

    Raises:
        StorageError: the disk is full or not writable; no part of the shard remains.
    """
    rows: list[dict[str, Any]] = []
    frames, index = folder / f"{name}.f16", folder / f"{name}.json"
    partial = frames.with_suffix(".partial"), index.with_suffix(".json.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial[0].open("wb") as file:
            for group in groups:
                for sound, found in zip(group, encoder.encode(group), strict=True):
                    file.write(found.tobytes())
                    skipped = sound.skipped // (STRIDE * SEARCH_FRAME)
                    rows.append({"text": sound.text, "frames": len(found), "skipped": skipped,
                                 "source": sound.source})  # fmt: skip
        head = {"format": FORMAT, "digest": encoder.digest, "streams": encoder.streams,
                "width": encoder.width, "utterances": rows}  # fmt: skip
        partial[1].write_text(json.dumps(head), encoding="utf-8")
        os.replace(partial[0], frames)
        os.replace(partial[1], index)
    except OSError as error:
        for path in partial:
            path.unlink(missing_ok=True)
        raise StorageError(
            f"{folder}: shard {name} not written: {error}: free some space and run again; "
            "finished shards are kept"
        ) from error
    return len(rows)


def read_cache(
    folder: Path, streams: Sequence[str] = ("encoder",), wanted: str | None = None
) -> list[CachedUtterance]:
    """Return all utterances of the complete shards, memory-mapped.

    Args:
        folder: cache folder.
        streams: streams to read; see STREAMS.
        wanted: required digest of the encoder; None accepts any, if all shards have the same.

    Raises:
        ModelError: there is no shard, or a shard has another encoder, lacks a stream or is damaged.
    """
    found: list[CachedUtterance] = []
    wanted = wanted or digest_of(folder)
    for index in shards_of(folder):
        found += read_shard(index, streams, wanted)
    if not found:
        raise ModelError(f"{folder}: holds no complete shard: run `cache-encoder` first")
    return found


def shards_of(folder: Path) -> list[Path]:
    """Return the index files of the complete shards, in order."""
    return sorted(folder.glob("*.json"))


def read_shard(index: Path, streams: Sequence[str], wanted: str) -> list[CachedUtterance]:
    """Return the utterances of one shard; arguments and errors as in `read_cache`."""
    head = _head(index)
    if head["digest"] != wanted or not set(streams) <= set(head["streams"]):
        raise ModelError(
            f"{index}: holds {head['streams']} of encoder {head['digest'][:12]}, wanted "
            f"{list(streams)} of {wanted[:12]}: run `cache-encoder` again into another folder"
        )
    return _shard(index, head, streams)


def digest_of(folder: Path) -> str:
    """Return the digest of the encoder that wrote a cache.

    Raises:
        ModelError: there is no shard, or it is damaged.
    """
    for index in shards_of(folder):
        digest: str = _head(index)["digest"]
        return digest
    raise ModelError(f"{folder}: holds no complete shard: run `cache-encoder` first")


def _head(index: Path) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))
        if head["format"] != FORMAT:
            raise ModelError(f"{index}: has format {head['format']}, not {FORMAT}: write it again")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{index}: not a cache shard: remove it and write it again") from error
    return head


def _shard(index: Path, head: dict[str, Any], streams: Sequence[str]) -> list[CachedUtterance]:
    path, width = index.with_suffix(".f16"), head["width"]
    count = sum(row["frames"] for row in head["utterances"])
    if not path.exists() or path.stat().st_size != count * width * 2:
        raise ModelError(f"{path}: size does not match its index: remove both and run again")
    if not count:
        return []
    each = width // len(head["streams"])
    firsts = [each * head["streams"].index(name) for name in streams]
    columns = tuple(slice(first, first + each) for first in firsts)
    frames = np.memmap(path, np.float16, "r").reshape(-1, width)
    found, end = [], 0
    for row in head["utterances"]:
        first, end = end, end + row["frames"]
        found.append(
            CachedUtterance(frames[first:end], row["text"], row["skipped"], row["source"], columns)
        )
    return found
