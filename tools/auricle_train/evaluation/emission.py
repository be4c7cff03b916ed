"""How long after the end of a word its reader can see it.

In: what a session told, and when. Out: for each word of its final text, the seconds from the end of
the word, by the lattice, to the first text told that has it in its place.
"""

from __future__ import annotations

from auricle.offline.transcription import Transcription


def emission_delays(session: Transcription) -> list[float]:
    """Return a delay for each word of the final text, in seconds.

    A word that no partial or speculative text had is seen with the final one.
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
