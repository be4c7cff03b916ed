"""Runs the evaluation: real dev recordings through the daemon's own pipeline and its peers.

In: the data folder, a bundle, and options. Out: a report, and progress on the terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from auricle.bundle.manifest import Bundle
from auricle.config.schema import Config, RecognizerSettings
from auricle.errors import ArgumentError
from auricle.recognizer.partial_text import PartialOptions
from auricle_train.data.corpus import REAL_DEV, Clip, read_set
from auricle_train.evaluation.conditions import CONDITIONS, Background
from auricle_train.evaluation.listening import Heard, Listener
from auricle_train.evaluation.measures import (
    Row,
    by_length,
    by_speaker,
    delays,
    endings,
    judge,
    lost,
    real_time_factors,
    row,
)
from auricle_train.evaluation.partials import judge_partials
from auricle_train.evaluation.peers import load_peers
from auricle_train.evaluation.readings import Readings
from auricle_train.evaluation.report import Report


@dataclass(frozen=True)
class Options:
    """Options of an evaluation."""

    bundle: str  # name or absolute path
    second_pass: Literal["off", "rescore", "full"] = "full"
    limit: int = 0  # recordings per set; 0: all
    sets: Sequence[str] = REAL_DEV
    partials: PartialOptions | None = None  # None: the shipped options
    noise: int | None = None  # sentences per noise condition; 0: all; None: no noise
    peers: Sequence[str] | None = None  # Whisper models; None: no peers
    readings: Path | None = None  # cache of the peers' texts
    command: str = ""  # for the report


def evaluate(data: Path, options: Options) -> Report:
    """Run an evaluation.

    Args:
        data: data folder, see `data.corpus`.
        options: what to measure.

    Raises:
        ArgumentError: there are no recordings.
        ModelError: the bundle or a peer cannot be loaded.
    """
    recognizer = RecognizerSettings(bundle=options.bundle, second_pass=options.second_pass)
    config = Config(recognizer=recognizer)
    peers = load_peers(options.peers) if options.peers is not None else []
    listener = Listener(config, peers, Readings(options.readings), options.partials)
    clips = {name: _spoken(data, name) for name in options.sets}
    heard: list[Heard] = []
    sets = []
    for name, some in clips.items():
        own = [listener.hear(clip) for clip in choose(some, options.limit)]
        heard += own
        if own:
            sets.append(_shown(row(name, [judge(one) for one in own])))
    if not heard:
        raise ArgumentError(f"{data}: the dev splits of {', '.join(options.sets)} hold no speech")
    every = [clip for some in clips.values() for clip in some]
    judged = [judge(one) for one in heard]
    bundle = listener.models.bundle
    return Report(
        command=options.command,
        bundle=f"{bundle.name} {bundle.version}",
        size=_bytes(bundle),
        sets=sets,
        lengths=by_length(judged),
        speakers=by_speaker(judged),
        noise=_in_noise(data, every, listener, options.noise) if options.noise is not None else [],
        lost=lost(judged),
        delays=delays(heard),
        partials=judge_partials(heard),
        endings=endings(heard),
        real_time_factors=real_time_factors(heard),
    )


def _in_noise(data: Path, clips: Sequence[Clip], listener: Listener, count: int) -> list[Row]:
    """Return a row for the same sentences without noise and in each noise condition."""
    background = Background(
        voices=clips,
        noises=list(read_set(data, "noise", "dev")),
        music=list(read_set(data, "music", "dev", to_ship=False)),
    )
    chosen = choose([clip for clip in clips if " " in clip.text], count)
    quiet = row("quiet", [judge(listener.hear(clip)) for clip in chosen])
    return [
        _shown(quiet),
        *(
            _shown(row(str(at), [judge(listener.hear(clip, background, at)) for clip in chosen]))
            for at in CONDITIONS
        ),
    ]


def _spoken(data: Path, name: str) -> list[Clip]:
    return [clip for clip in read_set(data, name, "dev") if clip.text]


def choose(clips: Sequence[Clip], count: int) -> Sequence[Clip]:
    """Return `count` of the clips, the same in every run, and more of them with a higher count.

    0 is all of them.
    """
    if not count or count >= len(clips):
        return clips
    drawn = np.random.default_rng(0).permutation(len(clips))[:count]
    return [clips[index] for index in sorted(drawn)]


def _shown(one: Row) -> Row:
    told = "  ".join(f"{reader} {rate}" for reader, rate in one.scores.items())
    print(f"{one.name}: {one.utterances} clips  {told}", file=sys.stderr, flush=True)
    return one


def _bytes(bundle: Bundle) -> int:
    return sum(bundle.path(file).stat().st_size for file in bundle.files)
