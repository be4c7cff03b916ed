"""Measures the delay from the end of a word until it is shown.

In: the texts of a session with their times. Out: for each word of the final text, the seconds from
the end of the word, according to the lattice, to the first text with this word at this position.
"""

from __future__ import annotations

from auricle.offline.live_clock import Transcription


def emission_delays(session: Transcription) -> list[float]:
    """Return a delay for each word of the final text, in seconds.

    A word that is in no partial or speculative text is shown with the final text.
    """
    told = list(session.partials)
    if session.speculative:
        told.append(session.speculative)
    told.append(session.final)
    texts = [(known.time, known.text.split()) for known in told]
    return [
        min(time for time, words in texts if words[place : place + 1] == [word.word]) - word.end
        for place, word in enumerate(session.result.words)
    ]
