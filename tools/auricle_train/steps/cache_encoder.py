"""Cache the output of the frozen encoder for augmented recordings, for `train-top`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from auricle.features import SAMPLE_RATE, LogMel
from auricle.tokenizer import Tokenizer
from auricle_train.augment.room_impulse_responses import load_rooms
from auricle_train.data.batches import FRAME, Batches
from auricle_train.data.corpus import BACKGROUND, SENTENCE_DEV, Clip, read_set, read_table
from auricle_train.data.encoder_cache import STREAMS, FrozenEncoder, Sound, write_shard
from auricle_train.training import checkpoint
from auricle_train.training.run import PREFIXES, Recordings

BATCH_SECONDS = 60.0
TRAIL = 0.3  # seconds of silence after a dev clip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--manifest", type=Path, nargs="*", default=(), metavar="FILE",
                        help="manifests written by `manifests` or `synthesize`")  # fmt: skip
    parser.add_argument("--labels", type=Path, help="texts for clips without one: id<TAB>text")
    parser.add_argument("--exclude", type=Path, help="names of clips to skip, one per line")
    parser.add_argument("--store", type=Path, help="folder that caches decoded samples")
    parser.add_argument("--checkpoint", type=Path, required=True, help="written by `train`")
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--streams", nargs="+", choices=STREAMS, default=["encoder"],
                        help="which layers' output to cache")  # fmt: skip
    parser.add_argument("--dev", action="store_true",
                        help="cache the dev clips without augmentation, one shard per set, "
                        "instead of augmented train clips")  # fmt: skip
    parser.add_argument("--shards", type=int, nargs=2, default=(0, 40),
                        metavar=("FIRST", "END"),
                        help="range of shard numbers; existing shards are skipped")  # fmt: skip
    parser.add_argument("--shard-minutes", type=float, default=30.0, help="audio per shard")
    parser.add_argument("--twice", nargs="*", default=(), metavar="SET",
                        help="sets whose clips are sampled twice as often")  # fmt: skip
    parser.add_argument("--rooms", type=int, default=100, help="number of simulated rooms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True,
                        help="folder; 38 kB per second of audio and stream")  # fmt: skip


def run(arguments: argparse.Namespace) -> None:
    """Write the missing shards one by one."""
    torch.set_num_threads(arguments.threads)
    encoder = FrozenEncoder(checkpoint.load_model(arguments.checkpoint), arguments.streams)
    if arguments.dev:
        for name in SENTENCE_DEV:
            clips = sorted(read_set(arguments.data, name, "dev", to_ship=False),
                           key=lambda clip: len(clip.samples))  # fmt: skip
            _write(arguments.out, name, _undisturbed(clips, name), encoder)
        return
    recordings = Recordings(arguments.data, arguments.manifest, arguments.labels, None,
                            arguments.exclude, arguments.store)  # fmt: skip
    clips = recordings.speech()
    rows = (row for name in arguments.twice for row in read_table(arguments.data, name, "train"))
    twice = {row["id"] for row in rows}
    clips += [clip for clip in clips if clip.name in twice]
    print(f"{len(clips)} clips, {sum(len(c.samples) for c in clips) / SAMPLE_RATE / 3600:.1f} h",
          flush=True)  # fmt: skip
    tokens = Tokenizer.load(arguments.vocabulary)
    beside = recordings.others(PREFIXES), recordings.others(BACKGROUND)
    rooms = load_rooms(arguments.rooms, arguments.seed, arguments.out) if arguments.rooms else ()
    for number in range(*arguments.shards):
        if (arguments.out / f"{number:05}.json").exists():
            continue
        # The cache keeps no second-pass targets, so one tokenizer serves both passes.
        batches = Batches(clips, *beside, (tokens, tokens), BATCH_SECONDS,
                          (arguments.seed, number), 0.0, rooms=rooms)  # fmt: skip
        groups = _utterances(batches, tokens, arguments.shard_minutes * 60)
        _write(arguments.out, f"{number:05}", groups, encoder)


def _write(folder: Path, name: str, groups: Iterator[list[Sound]], encoder: FrozenEncoder) -> None:
    if (folder / f"{name}.json").exists():
        return
    began = time.monotonic()
    count = write_shard(folder, name, groups, encoder)
    print(f"{name}: {count} utterances in {time.monotonic() - began:.0f} s", flush=True)


def _utterances(batches: Batches, tokens: Tokenizer, seconds: float) -> Iterator[list[Sound]]:
    """Yield groups of augmented utterances until they hold `seconds` of audio."""
    for batch in batches:
        features = batch.features.numpy()
        yield [
            Sound(
                features[row, : int(batch.frames[row]) * FRAME],
                tokens.decode(batch.targets[row, : int(batch.tokens[row])].tolist()),
                int(batch.skipped[row]) * FRAME,
            )
            for row in range(len(features))
        ]
        seconds -= batch.seconds
        if seconds <= 0:
            return


def _undisturbed(clips: list[Clip], name: str) -> Iterator[list[Sound]]:
    log_mel = LogMel()
    trail = np.zeros(int(TRAIL * SAMPLE_RATE), np.float32)
    for first in range(0, len(clips), 8):
        yield [
            Sound(
                log_mel.whole(np.concatenate([clip.samples.astype(np.float32) / 32768, trail])),
                clip.text, source=name,
            )
            for clip in clips[first : first + 8]
        ]  # fmt: skip
