"""Recordings of any length: no word is lost between two segments, and memory stays bounded."""

from __future__ import annotations

import gc
import resource
import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SAMPLES, SAMPLE_RATE, Frame, Samples
from auricle.engine.pipeline import Pipeline
from auricle.errors import AudioError
from auricle.offline.segments import (
    LONGEST_SECONDS,
    TranscribedSegment,
    transcribe_segments,
)
from auricle.service.assembly import Models
from testbed.recordings import Recording

SPOKEN = ("must_sleep", "wounded_in_the_arm", "momentum_gained", "fell_as_steadily", "peter_sees")
Segments = Callable[[Iterable[Frame]], Iterator[TranscribedSegment]]


@pytest.fixture
def segments(shipped: Models, make_shipped: Callable[[], Pipeline]) -> Segments:
    """Return a function that transcribes frames, as if computing took no time."""
    return lambda frames: transcribe_segments(
        frames, make_shipped, shipped.recognizer, clock=lambda: 0.0
    )


def framed(samples: Samples) -> Iterator[Frame]:
    for start in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        yield samples[start : start + FRAME_SAMPLES].copy()


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def text_of(found: Iterable[TranscribedSegment]) -> str:
    texts = (one.transcription.result.text for one in found)
    return " ".join(text for text in texts if text)


def test_no_word_is_lost_between_pauses_of_any_length(
    segments: Segments, recordings: dict[str, Recording]
) -> None:
    clips = [read_recording(recordings[name].path) for name in SPOKEN]
    alone = [text_of(segments(framed(np.concatenate([clip, silence(1)])))) for clip in clips]
    pauses = (0.8, 3.0, 5.2, 9.5, 0.7)  # shorter and longer than a session waits for speech
    parts = [part for clip, pause in zip(clips, pauses, strict=True)
             for part in (clip, silence(pause))]  # fmt: skip
    found = list(segments(framed(np.concatenate(parts))))
    assert text_of(found) == " ".join(alone)
    for before, after in pairwise(found):
        assert after.start == pytest.approx(before.end)
    words = [word for one in found for word in one.transcription.result.words]
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert found[-1].end == pytest.approx(sum(map(len, parts)) / SAMPLE_RATE, abs=0.02)


def test_speech_without_pauses_is_cut_between_words(
    segments: Segments, recordings: dict[str, Recording]
) -> None:
    clips = [read_recording(recordings[name].path) for name in (*SPOKEN, *SPOKEN)]
    # A voice that never pauses for as long as the end-pointer waits.
    whole = np.concatenate([spoken(clip) for clip in clips])
    found = list(segments(framed(whole)))
    assert max(one.transcription.seconds for one in found) <= LONGEST_SECONDS
    said = text_of(found).split()
    expected = [word for name in (*SPOKEN, *SPOKEN) for word in recordings[name].text.split()]
    assert len(said) == pytest.approx(len(expected), abs=3)
    assert len(set(expected) - set(said)) <= 4  # words that are misheard alone, too
    for before, after in pairwise(found):
        assert after.start == pytest.approx(before.end)


def spoken(clip: Samples) -> Samples:
    """Return a clip without the silence around its speech."""
    loud = np.flatnonzero(np.abs(clip) > 600)
    return clip[loud[0] : loud[-1]]


def test_frames_are_dropped_when_their_segment_is_over(segments: Segments) -> None:
    kept: list[weakref.ref[Frame]] = []

    def frames() -> Iterator[Frame]:
        for _ in range(3000):
            frame = np.zeros(FRAME_SAMPLES, np.int16)
            kept.append(weakref.ref(frame))
            yield frame

    alive = []
    for _ in segments(frames()):
        gc.collect()
        alive.append(sum(reference() is not None for reference in kept))
    assert len(alive) > 4
    assert max(alive) < 1100  # two sessions without speech


def test_an_empty_recording_has_no_segments(segments: Segments) -> None:
    assert list(segments(iter(()))) == []


def test_damage_is_an_error_after_the_segments_before_it(
    segments: Segments, recordings: dict[str, Recording]
) -> None:
    clip = read_recording(recordings["must_sleep"].path)

    def damaged() -> Iterator[Frame]:
        yield from framed(np.concatenate([clip, silence(1)]))
        raise AudioError("the data ends early")

    found = segments(damaged())
    assert next(found).transcription.result.text
    with pytest.raises(AudioError, match="ends early"):
        next(found)


def test_times_of_results_contain_the_audio_that_is_heard_again(
    shipped: Models, make_shipped: Callable[[], Pipeline], recordings: dict[str, Recording]
) -> None:
    clip = np.concatenate([read_recording(recordings["must_sleep"].path), silence(1)])
    found = list(
        transcribe_segments(
            framed(np.concatenate([clip, clip])), make_shipped, shipped.recognizer, clock=lambda: 0
        )
    )
    times = [partial.time for one in found for partial in one.transcription.partials]
    assert times == sorted(times)
    finals = [one.transcription.final.time for one in found]
    assert finals == sorted(finals)
    assert all(one.transcription.final.time >= one.start for one in found)


def test_memory_does_not_grow_with_the_length(
    segments: Segments, recordings: dict[str, Recording]
) -> None:
    clip = np.concatenate([read_recording(recordings["must_sleep"].path), silence(2)])

    def peak_after(times: int) -> int:
        """Return the peak memory of the process, in kB, after a recording of this length."""
        for _ in segments(frame for _ in range(times) for frame in framed(clip)):
            pass
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = peak_after(2)
    assert peak_after(12) - before < 20_000
