"""Measures how partial results continue when a pause led to a speculative result.

In: two recordings with a short pause between them, and a pipeline. Out: the text of each withdrawn
result, and the partial text that follows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auricle.audio.format import SAMPLE_RATE
from auricle.engine.pipeline import Pipeline
from auricle.events import Event, Final, Partial, Revised, Speculative
from auricle_train.data.corpus import Clip
from auricle_train.evaluation.listening import frames

ROOM_LEVEL = 6.0  # noise in the pause and at the end; full scale is 32768
ROOM_SECONDS = 2.0  # of noise at the end


@dataclass(frozen=True)
class Continuation:
    """A withdrawn result and the partial text that followed."""

    withdrawn: tuple[str, ...]  # words
    partial: tuple[str, ...]

    @property
    def shorter(self) -> bool:
        """Whether a reader sees fewer words than before."""
        return len(self.partial) < len(self.withdrawn)

    @property
    def changed(self) -> bool:
        """Whether the partial text changes or lacks a withdrawn word."""
        return self.partial[: len(self.withdrawn)] != self.withdrawn


def continuations(pipeline: Pipeline, clips: Sequence[Clip], pause: float) -> list[Continuation]:
    """Return the continuation of each withdrawn result while the clips play.

    Args:
        pipeline: new pipeline without wake words.
        clips: clips to play in sequence.
        pause: seconds of quiet room noise between clips.
    """
    generator = np.random.default_rng(0)
    sounds = []
    for clip, seconds in zip(clips, [pause] * (len(clips) - 1) + [ROOM_SECONDS], strict=True):
        room = generator.standard_normal(round(seconds * SAMPLE_RATE)) * ROOM_LEVEL
        sounds += [clip.samples, room.astype(np.int16)]
    events = list(pipeline.listen())
    for frame in frames(np.concatenate(sounds)):
        events += pipeline.process(frame)
    return list(_continuations(events))


def _continuations(events: Sequence[Event]) -> Iterator[Continuation]:
    """Yield the continuations; skip results without a partial text before the next result."""
    told = [e for e in events if isinstance(e, Partial | Speculative | Revised | Final)]
    for before, event, after in zip(told, told[1:], told[2:], strict=False):
        if isinstance(event, Revised) and isinstance(after, Partial):
            assert isinstance(before, Speculative)  # as session.py has it
            yield Continuation(tuple(before.result.text.split()), tuple(after.text.split()))
