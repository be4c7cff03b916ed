"""Transcribes clips with teachers and stores the results.

In: clips, teachers, a file. Out: the file, with a label for each clip. Clips that are already in
the file are skipped. Teachers read the clips without augmentation. The first teacher is the
fastest; if it confirms a transcript, the others skip the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from auricle.features import SAMPLE_RATE
from auricle_train.data.corpus import Clip
from auricle_train.distillation.labels import Label, LabelFile
from auricle_train.distillation.shards import cut, map_shards
from auricle_train.distillation.sources import Found
from auricle_train.distillation.teacher import Reading, Teacher
from auricle_train.text.normalizer import normalize

SHARD = 64  # clips per shard; a killed run loses at most the current shards
BATCH = 8  # clips per batch of a teacher

Samples = NDArray[np.int16]
MakeTeachers = Callable[[], Sequence[Teacher]]


class Labeller:
    """Labels a shard: the first teacher reads all clips, the others those in doubt."""

    def __init__(self, teachers: Sequence[Teacher], doubt: float) -> None:
        self._teachers, self._doubt = teachers, doubt

    def __call__(self, shard: Sequence[Found]) -> list[Label]:
        """Return a label for each clip; clips of similar length are batched."""
        first, *others = self._teachers
        clips = {clip.name: clip.samples for _, clip in shard}
        readings = {name: [reading] for name, reading in _read(first, clips)}
        labels = [_label(origin, clip, readings[clip.name]) for origin, clip in shard]
        doubted = {one.clip: clips[one.clip] for one in labels if in_doubt(one, self._doubt)}
        for teacher in others:
            for name, reading in _read(teacher, doubted):
                readings[name].append(reading)
        return [_label(origin, clip, readings[clip.name]) for origin, clip in shard]


def in_doubt(label: Label, doubt: float) -> bool:
    """Return whether the first reading leaves doubt about the transcript."""
    if label.errors is None or not label.readings[0].text:
        return True
    return label.errors[0] >= doubt or label.readings[0].no_speech > 0.5


def _read(teacher: Teacher, clips: Mapping[str, Samples]) -> Iterator[tuple[str, Reading]]:
    ordered = sorted(clips, key=lambda name: len(clips[name]))
    for batch in cut(ordered, BATCH):
        yield from zip(batch, teacher.read([clips[name] for name in batch]), strict=True)


def _label(origin: str, clip: Clip, readings: Sequence[Reading]) -> Label:
    seconds = round(len(clip.samples) / SAMPLE_RATE, 3)
    return Label(clip.name, origin, seconds, normalize(clip.text), tuple(readings))


class MakeLabeller:
    """Creates a labeller in the worker process; only this object is sent there."""

    def __init__(self, make_teachers: MakeTeachers, doubt: float) -> None:
        self._make_teachers, self._doubt = make_teachers, doubt

    def __call__(self) -> Labeller:
        """Load the teachers."""
        return Labeller(self._make_teachers(), self._doubt)


def label(
    clips: Iterable[Found],
    make_teachers: MakeTeachers,
    path: Path,
    *,
    doubt: float = 0.0,
    workers: int = 1,
) -> None:
    """Add a label for each clip that the file does not hold yet.

    Args:
        clips: clips with the names of their origins.
        make_teachers: picklable function that loads the teachers in the worker process.
        path: file of labels.
        doubt: if the first teacher's word error rate against the transcript is lower, the others
            skip the clip; 0: they never do. Values up to `selection.Criteria.contradiction` do not
            change the verdicts.
        workers: number of processes.
    """
    file = LabelFile(path)
    waiting = (found for found in clips if found[1].name not in file.done)
    shards = cut(waiting, SHARD)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns) as progress:
        task = progress.add_task(f"{len(file.done)} clips already labelled")
        count, seconds = 0, 0.0
        for labels in map_shards(MakeLabeller(make_teachers, doubt), shards, workers):
            file.add(labels)
            count += len(labels)
            seconds += sum(one.seconds for one in labels)
            status = f"{count} clips, {seconds / 3600:.2f} h read, {len(file.done)} in {path}"
            progress.update(task, description=status)
            if not progress.console.is_terminal:  # print lines into a log instead of a progress bar
                print(status, flush=True)
