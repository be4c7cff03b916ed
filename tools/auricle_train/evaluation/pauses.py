"""How partial results go on when a command pauses, and what seemed complete is withdrawn.

In: two recordings in a row, a short pause between them, and a pipeline. Out: for each withdrawn
result its text, and the partial text that follows.
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

ROOM_LEVEL = 6.0  # of the noise in the pause and at the end, of 32768
ROOM_SECONDS = 2.0  # of it at the end


@dataclass(frozen=True)
class Continuation:
    """A result that was withdrawn, and the partial text that followed."""

    withdrawn: tuple[str, ...]  # words
    partial: tuple[str, ...]

    @property
    def shorter(self) -> bool:
        """Whether a reader sees fewer words than before."""
        return len(self.partial) < len(self.withdrawn)

    @property
    def changed(self) -> bool:
        """Whether the partial text has other words, or fewer, in the place of those withdrawn."""
        return self.partial[: len(self.withdrawn)] != self.withdrawn


def continuations(pipeline: Pipeline, clips: Sequence[Clip], pause: float) -> list[Continuation]:
    """Return what follows each withdrawn result while one clip after the other is heard.

    Args:
        pipeline: a fresh one without wake words.
        clips: what is said.
        pause: seconds of a quiet room after each clip but the last.
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
    """Yield them; a result that no partial text follows before the next one is left out."""
    told = [e for e in events if isinstance(e, Partial | Speculative | Revised | Final)]
    for before, event, after in zip(told, told[1:], told[2:], strict=False):
        if isinstance(event, Revised) and isinstance(after, Partial):
            assert isinstance(before, Speculative)  # as session.py has it
            yield Continuation(tuple(before.result.text.split()), tuple(after.text.split()))
