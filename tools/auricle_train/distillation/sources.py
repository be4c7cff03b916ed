"""Streams clips with the name of their origin.

In: a data folder (`data.corpus`) or a lhotse manifest (`data.lhotse_manifests`), and a split. Out:
clips one by one, so that a corpus may have any size.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from auricle_train.data.corpus import SPEECH, Clip, read_set
from auricle_train.data.lhotse_manifests import clips_of

Found = tuple[str, Clip]  # origin, clip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select clips."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="data folder, see data/corpus.py")
    source.add_argument("--manifest", type=Path, help="written by `manifests` or `synthesize`")
    parser.add_argument("--sets", nargs="+", default=SPEECH, metavar="SET", help="sets in --data")
    parser.add_argument("--split", default="train")
    parser.add_argument("--limit", type=int, default=0, help="clips per set; 0: all")


def clips(arguments: argparse.Namespace) -> Iterator[Found]:
    """Yield the selected clips with the name of their set or manifest."""
    if arguments.manifest:
        origins = {arguments.manifest.name: clips_of(arguments.manifest, arguments.split)}
    else:
        origins = {name: read_set(arguments.data, name, arguments.split)
                   for name in arguments.sets}  # fmt: skip
    for origin, found in origins.items():
        for number, clip in enumerate(found, 1):
            yield origin, clip
            if number == arguments.limit:
                break
