"""What the frozen encoder hears in clips, kept on disk: it is computed once, and heard many times.

In: clips, the weights of a recogniser, disturbances. Out: a folder with the frames of each clip
in 16 bits, 64 kB a second, mapped when it is read, and where each word ends, as CTC aligns it. What
both passes share and what the joint sees are as the device computes them: chunk by chunk.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from auricle.features import SAMPLE_RATE, SILENCE, LogMel
from auricle.recognizer.alignment import IMPOSSIBLE, align
from auricle.recognizer.tokenizer import WORD_START, Tokenizer
from auricle_train import augment
from auricle_train.corpus import Clip
from auricle_train.network import STACK, STRIDE, Transducer
from auricle_train.precision import computing

BATCH_SECONDS = 60.0
POOL = 512  # clips that are sorted by length together
LEAD = (0.05, 0.9)  # seconds of quiet before a clip: it begins anywhere in a chunk
TRAIL = 0.3
DISTURBED = 0.6  # share of the clips
INDEX = "heard.json"


@dataclass(frozen=True)
class Heard:
    """What is heard in a clip."""

    words: tuple[str, ...]
    ends: tuple[int, ...]  # of each word: the frame in which its last token comes
    shared: NDArray[np.float16]  # (n * STACK, width)
    frames: NDArray[np.float16]  # (n, joint)


def listen(
    clips: Sequence[Clip],
    sounds: augment.Sounds,
    model: Transducer,
    tokens: Tokenizer,
    out: Path,
    seed: int = 1,
) -> None:
    """Write what is heard in all clips, in an order of its own.

    Args:
        clips: with texts. Where a text cannot be laid over its frames the clip is left out.
        sounds: what most of them are disturbed with.
        model: in evaluation mode.
        tokens: of its first pass.
        out: folder; it is made.
        seed: the same hears the same.
    """
    generator, log_mel = np.random.default_rng(seed), LogMel()
    out.mkdir(parents=True, exist_ok=True)
    rows, began, seconds = [], time.monotonic(), 0.0
    order = generator.permutation(len(clips))
    with (out / "shared.f16").open("wb") as shared, (out / "frames.f16").open("wb") as frames:
        for first in range(0, len(order), POOL):
            pool = sorted((clips[i] for i in order[first : first + POOL]),
                          key=lambda clip: len(clip.samples))  # fmt: skip
            for group in _groups(pool):
                features = [log_mel.whole(_utterance(clip, sounds, generator)) for clip in group]
                for clip, (some, few) in zip(group, _encode(features, model), strict=True):
                    ends = word_ends(clip.text, few, model, tokens)
                    if ends is None:
                        continue
                    shared.write(some.tobytes())
                    frames.write(few.tobytes())
                    rows.append({"text": clip.text, "frames": len(few), "ends": ends})
                seconds += sum(len(clip.samples) for clip in group) / SAMPLE_RATE
            print(
                f"{len(rows)} of {len(clips)} clips, "
                f"{seconds / (time.monotonic() - began):.0f} s a second", flush=True,
            )  # fmt: skip
    index = {"shared": model.shape.width, "joint": model.shape.joint, "clips": rows}
    partial = out / f"{INDEX}.partial"
    partial.write_text(json.dumps(index), encoding="utf-8")
    os.replace(partial, out / INDEX)


def read(folder: Path) -> list[Heard]:
    """Return what `listen` wrote, mapped."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    shared = np.memmap(folder / "shared.f16", np.float16, "r").reshape(-1, index["shared"])
    frames = np.memmap(folder / "frames.f16", np.float16, "r").reshape(-1, index["joint"])
    found, end = [], 0
    for row in index["clips"]:
        first, end = end, end + row["frames"]
        words, ends = tuple(row["text"].split()), tuple(row["ends"])
        heard = shared[first * STACK : end * STACK], frames[first:end]
        found.append(Heard(words, ends, *heard))
    return found


@torch.no_grad()
def word_ends(
    text: str, frames: NDArray[np.float16], model: Transducer, tokens: Tokenizer
) -> list[int] | None:
    """Return the frame in which the last token of each word comes; None if the text does not fit.

    Args:
        text: of words.
        frames: (n, joint) that the joint sees.
        model: whose CTC aligns.
        tokens: of its first pass.
    """
    sequence = tokens.encode(text)
    log_probs = model.ctc(torch.from_numpy(frames.astype(np.float32))).log_softmax(-1)
    (found,) = align(log_probs.numpy(), [sequence])
    starts = [i for i, token in enumerate(sequence) if tokens.pieces[token].startswith(WORD_START)]
    if found.score <= IMPOSSIBLE or len(starts) != len(text.split()):
        return None
    return [found.frames[following - 1] for following in (*starts[1:], len(sequence))]


def _groups(pool: Sequence[Clip]) -> Iterator[list[Clip]]:
    group: list[Clip] = []
    for clip in pool:
        if group and (len(group) + 1) * len(clip.samples) > BATCH_SECONDS * SAMPLE_RATE:
            yield group
            group = []
        group.append(clip)
    if group:
        yield group


def _utterance(
    clip: Clip, sounds: augment.Sounds, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return a clip in quiet, mostly disturbed."""
    samples = clip.samples.astype(np.float32) / 32768
    disturbed = generator.random() < DISTURBED
    if disturbed and generator.random() < augment.USUAL.speed:
        samples = augment.change_speed(samples, generator.uniform(*augment.USUAL.speed_factors))
    lead, trail = (
        (generator.standard_normal(int(seconds * SAMPLE_RATE)) * 1e-4).astype(np.float32)
        for seconds in (generator.uniform(*LEAD), TRAIL)
    )
    samples = np.concatenate([lead, samples, trail])
    return augment.disturb(samples, sounds, generator) if disturbed else samples


@torch.no_grad()
def _encode(
    features: Sequence[NDArray[np.float32]], model: Transducer
) -> Iterator[tuple[NDArray[np.float16], NDArray[np.float16]]]:
    """Yield of each utterance what both passes share and what the joint sees."""
    whole = STRIDE * STACK
    counts = [-(-len(one) // whole) for one in features]
    batch = np.full((len(features), max(counts) * whole, features[0].shape[1]), SILENCE, np.float32)
    for row, one in zip(batch, features, strict=True):
        row[: len(one)] = one
    with computing(torch.device("cpu")):
        trunk, mask = model.encoder.trunk(torch.from_numpy(batch))
        first = model.branch(trunk, mask) if model.branch is not None else model.encoder.norm(trunk)
        frames = model.frames(first)
    shared, seen = (x.float().numpy().astype(np.float16) for x in (trunk, frames))
    for row, count in enumerate(counts):
        yield shared[row, : count * STACK], seen[row, :count]
