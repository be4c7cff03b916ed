"""Decides by what the teachers read which labels to trust.

In: labels. Out: a verdict for each. A clip without transcript gets what the teachers agree upon. A
transcript is doubted only by teachers that agree with each other on something else: where they
contradict each other as well, as on strongly accented speech, it is they who are bad at it, and the
transcript stays. Words of one's own ("k nine" read as "canine") differ in words but little in
letters, so that both must differ. Of a word or two alone teachers of one family guess, and guess
alike, so that they cannot doubt it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from auricle_train.distillation.agreement import letter_error_rate
from auricle_train.distillation.labels import Label
from auricle_train.distillation.teacher import Reading


@dataclass(frozen=True)
class Criteria:
    """When to trust; rates are word error rates, 0 to 1, unless they say otherwise."""

    agreement: float = 0.10  # most, between teachers, for a pseudo-label
    confidence: float = -0.7  # least mean log probability of every teacher, for a pseudo-label
    no_speech: float = 0.6  # probability from which a teacher hears nobody; Whisper's own
    unsure: float = -1.0  # mean log probability below which it may be nobody; Whisper's own
    contradiction: float = 0.75  # of every teacher against the transcript, to doubt it
    words: int = 3  # least, of a transcript, to doubt it
    letters: float = 0.5  # letter error rate of every teacher, to doubt it
    union: float = 0.25  # most, between teachers, to doubt a transcript
    prefer: str = ""  # the teacher whose text is the pseudo-label; empty: the surest one


class Verdict(Enum):
    """What becomes of a clip."""

    KEPT = "transcript kept"
    LABELLED = "pseudo-labelled"
    NO_SPEECH = "excluded: no speech"
    CONTRADICTED = "excluded: transcript contradicted"
    DISAGREED = "left unlabelled: teachers disagree"
    UNSURE = "left unlabelled: a teacher is unsure"


EXCLUDED = (Verdict.NO_SPEECH, Verdict.CONTRADICTED)


def judge(label: Label, criteria: Criteria) -> Verdict:
    """Return what becomes of the clip; a single teacher agrees with nobody."""
    if all(_hears_nobody(reading, criteria) for reading in label.readings):
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
    """Return the text of the preferred teacher, or of the surest where no such teacher has read.

    Log probabilities compare only between teachers of one kind.
    """
    preferred = (reading.text for reading in label.readings if reading.teacher == prefer)
    surest = max(label.readings, key=lambda reading: reading.log_prob).text
    return next(preferred, surest)


def _hears_nobody(reading: Reading, criteria: Criteria) -> bool:
    nobody = reading.no_speech > criteria.no_speech and reading.log_prob < criteria.unsure
    return nobody or not reading.text


def _contradicted(label: Label, criteria: Criteria) -> bool:
    if label.errors is None or len(label.transcript.split()) < criteria.words:
        return False
    return min(label.errors) > criteria.contradiction and all(
        letter_error_rate(label.transcript, reading.text) > criteria.letters
        for reading in label.readings
    )
