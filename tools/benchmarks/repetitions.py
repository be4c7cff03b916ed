"""Count the readings of the n-best list that say words twice which the speaker said once.

In: recordings of dev sets; each one is decoded after the wake word of the demo recording, whose
sound the second pass hears too. Out: for each set the readings in the n-best lists and those of
them that repeat words, and the word errors of the best reading and of the best one in the list:
with all readings of the second pass, and without the ones that stutter.

`python -m benchmarks.repetitions --data DATA --limit N` with `PYTHONPATH=tools:daemon`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE
from auricle.config.schema import Config
from auricle.recognizer.recognizer import Recognizer
from auricle.recognizer.repetition import without_repetition
from auricle.recognizer.second_pass import (
    Candidate,
    SecondPassOptions,
    certainty,
    chosen,
    without_stutter,
)
from auricle.service.assembly import budget_of, load_models
from auricle_train.data.corpus import REAL_DEV, Clip, read_set
from auricle_train.evaluation.listening import with_room
from auricle_train.evaluation.run import choose
from auricle_train.text.word_errors import Errors, compare, score

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
WAKE_SECONDS = 1.6  # end of the wake word in the recording
FINAL_SECONDS = 0.45  # of silence, after which the final end-pointer ends a command
PRE_ROLL_SECONDS = 1.1  # from the start of what the second pass hears to the end of the wake word


@dataclass(frozen=True)
class Lists:
    """The n-best lists of one recording, best first."""

    said: str
    every: Sequence[str]  # with stuttering readings
    kept: Sequence[str]  # without them


def repeats(text: str, said: str) -> bool:
    """Return whether a text repeats a group of words that the speaker did not repeat."""
    repeated = set(without_repetition(text.split()))
    return bool(repeated) and not set(without_repetition(said.split()))


def decode(
    recognizer: Recognizer, wake: NDArray[np.int16], clip: Clip, options: SecondPassOptions
) -> Lists | None:
    """Return the n-best lists of a recording after the wake word; None without words."""
    state = recognizer.initial_state(0.0, len(wake) / SAMPLE_RATE)
    heard = with_room(clip)[: len(clip.samples) + round(FINAL_SECONDS * SAMPLE_RATE)]
    state, _ = recognizer.step(state, np.concatenate([wake, heard]))
    state, _ = recognizer.look_ahead(state)
    found = recognizer.second_pass_input(state)
    if found is None or recognizer.second_pass is None:
        return None
    first, utterance = found
    candidates = recognizer.second_pass.candidates(first, utterance)
    weight = options.weight(certainty(utterance.log_probs))

    def ranked(some: Sequence[Candidate]) -> list[str]:
        best = sorted(some, key=lambda one: -one.score(weight))
        return [one.text for one in best[: len(first.nbest)]]

    every = chosen(candidates, options)
    return (
        Lists(clip.text, ranked(every), ranked(without_stutter(every, weight))) if every else None
    )


def row(name: str, found: Sequence[Lists]) -> str:
    """Return the table row of a set."""
    cells = [name, str(len(found))]
    for texts in (lambda one: one.every, lambda one: one.kept):
        readings = [(one.said, text) for one in found for text in texts(one)]
        stuttered = sum(repeats(text, said) for said, text in readings)
        best = score([compare(one.said, texts(one)[0]) for one in found])
        oracle = score([_fewest(one.said, texts(one)) for one in found])
        cells += [f"{stuttered} of {len(readings)}", str(best), str(oracle)]
    return f"| {' | '.join(cells)} |"


def _fewest(said: str, texts: Sequence[str]) -> Errors:
    return min((compare(said, text) for text in texts), key=lambda one: one.errors)


def main() -> None:
    """Print a table row for each set, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--limit", type=int, default=25, help="recordings of each set; 0: all")
    parser.add_argument("--sets", nargs="+", default=REAL_DEV, help="names of sets")
    arguments = parser.parse_args()
    config = Config()
    recognizer = load_models(config, budget_of(config), wake=False).recognizer
    whole = read_recording(DEMO)[: round(WAKE_SECONDS * SAMPLE_RATE)]
    wake = whole[-round(PRE_ROLL_SECONDS * SAMPLE_RATE) :]
    print("| set | clips | repeated | best | in the list | repeated, after | best | in the list |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    every: list[Lists] = []
    for name in arguments.sets:
        clips = [clip for clip in read_set(arguments.data, name, "dev") if clip.text]
        found = [
            lists
            for clip in choose(clips, arguments.limit)
            if (lists := decode(recognizer, wake, clip, SecondPassOptions())) is not None
        ]
        every += found
        if found:
            print(row(name, found), flush=True)
    print(row("all", every))


if __name__ == "__main__":
    main()
