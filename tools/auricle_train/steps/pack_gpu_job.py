"""Pack recordings, weights and code into a folder that trains the top on a GPU machine."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from auricle.errors import ArgumentError
from auricle_train.augment.room_impulse_responses import load_rooms
from auricle_train.data.corpus import SENTENCE_DEV, SPEECH
from auricle_train.packed import shards
from auricle_train.packed.job import Sources, pack

MEGABYTE = 1_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--data", type=Path, required=True, help="data folder, see data/corpus.py")
    parser.add_argument("--manifest", type=Path, nargs="*", default=(), metavar="FILE",
                        help="manifests written by `manifests` or `synthesize`")  # fmt: skip
    parser.add_argument("--labels", type=Path, help="texts for clips without one: id<TAB>text")
    parser.add_argument("--exclude", type=Path, help="names of clips to skip, one per line")
    parser.add_argument("--sets", nargs="+", default=SPEECH, help="speech sets to pack")
    parser.add_argument("--dev-sets", nargs="*", default=SENTENCE_DEV)
    parser.add_argument("--dev-clips", type=int, default=Sources.dev_clips, help="clips per set")
    parser.add_argument("--checkpoint", type=Path, required=True,
                        help="written by `train`; its encoder stays frozen")  # fmt: skip
    parser.add_argument("--vocabulary", type=Path, required=True, help="tokens.txt")
    parser.add_argument("--top", type=Path, required=True,
                        help="`train-top` checkpoint to start from")  # fmt: skip
    parser.add_argument("--rooms", type=int, default=100, help="number of simulated rooms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shard-megabytes", type=int, default=15,
                        help="size of an audio shard, at most 60; one process decodes each "
                        "shard")  # fmt: skip
    parser.add_argument("--wheels", type=Path, help="folder of wheels to install on the machine")
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder")


def run(arguments: argparse.Namespace) -> None:
    """Write the folder, and print what it holds."""
    most = arguments.shard_megabytes * MEGABYTE
    if not 0 < most <= shards.MOST:
        raise ArgumentError(f"--shard-megabytes: {arguments.shard_megabytes} is not 1 to 60")
    if arguments.out.exists() and any(arguments.out.iterdir()):
        raise ArgumentError(f"--out: {arguments.out} is not empty: name another folder")
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.wheels:
        shutil.copytree(arguments.wheels, arguments.out / "wheels")
    store = arguments.out.parent
    rooms = load_rooms(arguments.rooms, arguments.seed, store) if arguments.rooms else ()
    sources = Sources(
        arguments.data, arguments.checkpoint, arguments.vocabulary, arguments.top,
        arguments.manifest, arguments.labels, arguments.exclude, rooms, arguments.dev_sets,
        arguments.dev_clips, arguments.sets,
    )  # fmt: skip
    about = pack(sources, arguments.out, most)
    size = sum(item["bytes"] for item in about["files"].values()) / MEGABYTE
    clips = ", ".join(f"{count} {kind}" for kind, count in about["clips"].items())
    print(f"{arguments.out}: {len(about['files'])} files, {size:.0f} MB; clips: {clips}")
