"""Subtitles: their form, and what fits on the screen."""

from __future__ import annotations

from auricle.lattice.result import Word
from auricle.offline.subtitles import LINE_CHARACTERS, LONGEST_SECONDS, cues, to_srt, to_vtt


def words(text: str, start: float = 0.0, each: float = 0.3) -> list[Word]:
    return [
        Word(word, start + number * each, start + (number + 1) * each - 0.05, 1.0)
        for number, word in enumerate(text.split())
    ]


def test_a_cue_in_both_formats() -> None:
    (cue,) = cues(words("turn on the <light> & go", start=3661.5))
    assert to_srt(cue, 7) == "7\n01:01:01,500 --> 01:01:03,250\nturn on the <light> & go\n\n"
    assert to_vtt(cue) == "01:01:01.500 --> 01:01:03.250\nturn on the &lt;light&gt; &amp; go\n\n"


def test_long_speech_is_divided_into_cues_that_fit() -> None:
    text = "this sentence goes on and on without any pause for a very long time " * 6
    found = list(cues(words(text)))
    assert len(found) > 3
    assert " ".join(line for cue in found for line in cue.lines).split() == text.split()
    for cue in found:
        assert len(cue.lines) <= 2
        assert all(len(line) <= LINE_CHARACTERS for line in cue.lines)
        assert cue.end - cue.start <= LONGEST_SECONDS


def test_a_pause_ends_a_cue() -> None:
    assert len(list(cues([*words("first part"), *words("second part", start=3.0)]))) == 2
