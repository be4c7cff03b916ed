"""The transcript of a whole recording."""

from __future__ import annotations

import pytest

from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import Hypothesis, Result, Word
from auricle.offline.live_clock import Known, Transcription, nothing_heard
from auricle.offline.segments import TranscribedSegment
from auricle.offline.transcript import Collector, combined


def segment(text: str, start: float, *others: Hypothesis) -> TranscribedSegment:
    """Return a segment of one second that says one word, or nothing."""
    result = nothing_heard(1.0)
    if text:
        arc = Arc(0, 1, text, -1.0, 0.0, start, start + 0.5)
        words = (Word(text, start, start + 0.5, 0.9),)
        result = Result(text, (Hypothesis(text, -1.0), *others), words, Lattice(2, (arc,)))
    done = Transcription(
        seconds=1.0,
        result=result,
        speculative=None,
        revised=False,
        final=Known(text, start + 0.8),
        compute_seconds=0.1,
    )
    return TranscribedSegment(start, done)


def test_segments_are_joined() -> None:
    collector = Collector(5, keep_lattices=True)
    for one in (segment("one", 0), segment("", 1), segment("two", 2), segment("", 3)):
        collector.add(one)
    found = collector.transcript()
    assert (found.text, found.seconds) == ("one two", 4.0)
    assert found.final == Known("one two", 2.8)
    assert [word.start for word in found.words] == [0, 2]
    assert [(one.text, one.start, one.end) for one in found.segments] == [
        ("one", 0, 0.5),
        ("two", 2, 2.5),
    ]
    assert found.lattice is not None
    assert found.lattice.best_path().text == "one two"
    assert found.compute_seconds == pytest.approx(0.4)


def test_a_recording_without_speech_has_an_end() -> None:
    collector = Collector(5)
    collector.add(segment("", 0))
    found = collector.transcript()
    assert (found.text, found.nbest, found.final, found.lattice) == ("", (), Known("", 0.8), None)


def test_readings_of_segments_are_combined_best_first() -> None:
    first = (Hypothesis("a", -1.0), Hypothesis("b", -3.0))
    second = (Hypothesis("c", -0.5), Hypothesis("d", -1.0))
    found = combined([first, second], 3)
    assert [(one.text, one.score) for one in found] == [("a c", -1.5), ("a d", -2.0), ("b c", -3.5)]


def test_readings_of_many_segments_are_combined_quickly() -> None:
    part = tuple(Hypothesis(f"word{n}", -float(n)) for n in range(5))
    found = combined([part] * 2000, 5)
    assert len(found) == 5
    assert found[0].text.count("word0") == 2000
    assert found[1].score == -1.0
