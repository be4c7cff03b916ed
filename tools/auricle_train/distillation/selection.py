"""Decides which transcripts and pseudo-labels to trust.

In: labels. Out: a verdict for each. A clip without transcript gets a pseudo-label if the teachers
agree. A transcript is excluded only if the teachers agree with each other on another text. If they
also contradict each other, for instance on strongly accented speech, the teachers are probably
wrong and the transcript stays. Different spellings ("k nine" read as "canine") differ in words but
little in letters, so words and letters must both differ. Transcripts of one or two words are never
excluded, because related teachers make the same guesses for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from auricle_train.distillation.agreement import letter_error_rate
from auricle_train.distillation.labels import Label
from auricle_train.distillation.teacher import Reading


@dataclass(frozen=True)
class Criteria:
    """Thresholds; rates are word error rates, 0 to 1, unless stated otherwise."""

    agreement: float = 0.10  # pseudo-label: maximum rate between teachers
    confidence: float = -0.7  # pseudo-label: minimum mean log probability of each teacher
    no_speech: float = 0.6  # no speech: minimum probability of no speech, as in Whisper
    unsure: float = -1.0  # no speech: maximum mean log probability, as in Whisper
    contradiction: float = 0.75  # exclude: minimum rate of each teacher against the transcript
    words: int = 3  # exclude: minimum words of the transcript
    letters: float = 0.5  # exclude: minimum letter error rate of each teacher
    union: float = 0.25  # exclude: maximum rate between teachers
    prefer: str = ""  # teacher whose text is the pseudo-label; empty: the most confident one


class Verdict(Enum):
    """Decision about a clip."""

    KEPT = "transcript kept"
    LABELLED = "pseudo-labelled"
    NO_SPEECH = "excluded: no speech"
    CONTRADICTED = "excluded: transcript contradicted"
    DISAGREED = "left unlabelled: teachers disagree"
    UNSURE = "left unlabelled: a teacher is unsure"


EXCLUDED = (Verdict.NO_SPEECH, Verdict.CONTRADICTED)


def judge(label: Label, criteria: Criteria) -> Verdict:
    """Return the verdict on a clip; a single teacher never counts as agreement."""
    if all(_has_no_speech(reading, criteria) for reading in label.readings):
        return Verdict.NO_SPEECH
    disagreement = 1.0 if label.disagreement is None else label.disagreement
    if label.transcript:
        doubted = disagreement <= criteria.union and _contradicted(label, criteria)
        return Verdict.CONTRADICTED if doubted else Verdict.KEPT
    if disagreement > criteria.agreement:
        return Verdict.DISAGREED
    if min(reading.log_prob for reading in label.readings) < criteria.confidence:
        return Verdict.UNSURE
    return Verdict.LABELLED


def pseudo_label(label: Label, prefer: str = "") -> str:
    """Return the text of the preferred teacher, or else of the most confident one.

    Log probabilities are only comparable between teachers of the same kind.
    """
    preferred = (reading.text for reading in label.readings if reading.teacher == prefer)
    surest = max(label.readings, key=lambda reading: reading.log_prob).text
    return next(preferred, surest)


def _has_no_speech(reading: Reading, criteria: Criteria) -> bool:
    no_speech = reading.no_speech > criteria.no_speech and reading.log_prob < criteria.unsure
    return no_speech or not reading.text


def _contradicted(label: Label, criteria: Criteria) -> bool:
    if label.errors is None or len(label.transcript.split()) < criteria.words:
        return False
    return min(label.errors) > criteria.contradiction and all(
        letter_error_rate(label.transcript, reading.text) > criteria.letters
        for reading in label.readings
    )
