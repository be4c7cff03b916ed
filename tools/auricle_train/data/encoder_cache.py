"""Disk cache of what the frozen encoder computes, so that layers above it train many times faster.

In: utterances and the weights of a recogniser. Out: a folder of shards. A shard is `NAME.f16`, the
encoder frames (20 ms) of its utterances one after another as float16, and `NAME.json`, which names
them; a shard without its JSON file is incomplete and is ignored. The encoder runs in chunks, with
weights rounded to int8 per output channel, as on the device.
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
SEARCH_FRAME = 4  # encoder frames (20 ms) to a search frame (80 ms)
STREAMS = ("trunk", "encoder", "branch")
"""What can be kept: `trunk`, the layers that both passes share; `encoder`, the output of all
layers, normalised; `branch`, that of the first pass' own layers, normalised."""


@dataclass(frozen=True)
class Sound:
    """Features of one utterance and its transcript."""

    features: NDArray[np.float32]  # (feature frames, 80)
    text: str
    skipped: int = 0  # feature frames at the start that are heard but not transcribed
    source: str = ""  # set that it belongs to


@dataclass(frozen=True)
class CachedUtterance:
    """One utterance as the encoder hears it."""

    frames: NDArray[np.float16]  # (n * SEARCH_FRAME, cached streams * width), 20 ms each
    text: str
    skipped: int  # search frames (80 ms) at the start that are heard but not transcribed
    source: str
    columns: tuple[slice, ...]  # where the streams that are asked for lie in a frame

    @property
    def search_frames(self) -> int:
        """Search frames (80 ms), the skipped ones included."""
        return len(self.frames) // SEARCH_FRAME

    def stacked(self) -> NDArray[np.float32]:
        """Return (n, SEARCH_FRAME * streams * width): the streams asked for, stacked in time."""
        chosen = np.concatenate([self.frames[:, column] for column in self.columns], axis=1)
        return chosen.reshape(self.search_frames, -1).astype(np.float32)


class FrozenEncoder:
    """The encoder of a recogniser as the device computes it: chunked, with int8 weights."""

    def __init__(
        self, model: Transducer, streams: Sequence[str], device: torch.device = CPU
    ) -> None:
        """Round the weights of a model in place.

        Args:
            model: of attention, in evaluation mode.
            streams: of STREAMS, in the order in which they are kept.
            device: that computes; the model moves there.

        Raises:
            ModelError: the model lacks a stream.
        """
        unknown = [name for name in streams if name not in STREAMS]
        if unknown or not isinstance(model.encoder, Encoder):
            raise ModelError(f"streams: no {unknown} in this encoder: name some of {STREAMS}")
        if "branch" in streams and model.branch is None:
            raise ModelError("streams: this recogniser has no `branch`: leave it out")
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
        """Numbers in an encoder frame, all streams together."""
        return len(self.streams) * self.shape.width

    @torch.no_grad()
    def encode(self, sounds: Sequence[Sound]) -> list[NDArray[np.float16]]:
        """Return (frames, width) of each utterance; frames are a multiple of SEARCH_FRAME."""
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
        """Encode utterances that are padded already.

        Args:
            features: (batch, whole chunks of feature frames, 80) float32, padded with SILENCE.

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
    """Return a hash of the encoder's weights and chunking: caches of another one do not fit."""
    found = hashlib.sha256(f"{model.shape.chunk} {model.shape.left}".encode())
    for part in (model.encoder, model.branch):
        for name, value in sorted(part.state_dict().items()) if part is not None else ():
            found.update(name.encode())
            found.update(value.detach().float().contiguous().numpy().tobytes())
    return found.hexdigest()


def write_shard(
    folder: Path, name: str, groups: Iterable[Sequence[Sound]], encoder: FrozenEncoder
) -> int:
    """Write one shard, whole or not at all; return how many utterances it holds.

    Args:
        folder: made if it is missing.
        name: what the shard is called.
        groups: utterances of like length, encoded together.
        encoder: of all shards in the folder.

    Raises:
        StorageError: the disk is full or may not be written to; nothing of the shard is left.
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
            f"{folder}: shard {name} not written: {error}: free some space and run again, "
            "complete shards are kept"
        ) from error
    return len(rows)


def read_cache(
    folder: Path, streams: Sequence[str] = ("encoder",), wanted: str | None = None
) -> list[CachedUtterance]:
    """Return all utterances of the complete shards, mapped from disk.

    Args:
        folder: of `write_shard`.
        streams: of STREAMS, that are to be read.
        wanted: digest of the encoder that they must be of; None: any, but the same in all shards.

    Raises:
        ModelError: there is no shard, or one is of another encoder, without a stream, or damaged.
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
    """Return the digest of the encoder that a cache is of; raises ModelError."""
    for index in shards_of(folder):
        digest: str = _head(index)["digest"]
        return digest
    raise ModelError(f"{folder}: holds no complete shard: run `cache-encoder` first")


def _head(index: Path) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))
        if head["format"] != FORMAT:
            raise ModelError(f"{index}: format {head['format']}, not {FORMAT}: write it again")
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{index}: no shard of a cache: remove it, and write it again") from error
    return head


def _shard(index: Path, head: dict[str, Any], streams: Sequence[str]) -> list[CachedUtterance]:
    path, width = index.with_suffix(".f16"), head["width"]
    count = sum(row["frames"] for row in head["utterances"])
    if not path.exists() or path.stat().st_size != count * width * 2:
        raise ModelError(f"{path}: size is not that of its index: remove both, and run again")
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
