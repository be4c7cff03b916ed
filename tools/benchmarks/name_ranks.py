"""Measure the rank of the spoken name in the context attention, among many listed names.

    python -m benchmarks.name_ranks [--data ../shared/data] [--bundle NAME]
        [--speech real|commands] [--half tune|report|both] [--others 100 1000 10000] [--most CLIPS]

Run it with tools/ and daemon/ on the path. In: the clips, their names and the distracting names of
`benchmarks.biasing`. Out: for each number of distracting names, the share of spoken names that get
the highest score, and the share among the best 32 and 40 (`ShortlistOptions.most` names reach the
second pass), with 95 % bootstrap intervals over clips. The score of a name is its maximum over all
search frames. Other names spoken in the same clip do not count as rivals.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from auricle.biasing.biasing import Biasing
from auricle.config.schema import RecognizerSettings
from auricle.context.entries import Context, Entry
from auricle.recognizer.recognizer import Recognizer
from auricle_train.text.normalizer import normalize
from auricle_train.text.word_errors import Errors, score
from benchmarks.biasing import Clip, distracting, real_clips, recognizer_of, spoken_commands

BEST = (1, 32, 40)


def rivals_of(recognizer: Recognizer, others: Sequence[Entry]) -> frozenset[str]:
    """Return the forms under which the attention searches for the other names."""
    return frozenset(_biasing(recognizer, others).keys.sounds)


def ranks(
    recognizer: Recognizer, clips: Sequence[Clip], lists: Sequence[frozenset[str]], biasing: Biasing
) -> Iterator[list[list[int]]]:
    """Yield, for each clip and each list of rivals, the ranks of the spoken names.

    Args:
        recognizer: recogniser with context attention.
        clips: clips with names.
        lists: lists of the forms of other names.
        biasing: biasing for all names, including those of the clips.
    """
    for clip in clips:
        text = f" {clip.text} "
        seen = recognizer.attend(clip.samples, biasing, len(biasing.keys.sounds))
        unsaid = [form for form in seen.names if f" {form} " not in text]
        before = {form: place for place, form in enumerate(seen.names)}
        said = [normalize(name.written) for name in clip.names]
        found = []
        for rivals in lists:
            places = [before[form] for form in unsaid if form in rivals]
            found.append([1 + sum(place < before[name] for place in places) for name in said])
        yield found


def _biasing(recognizer: Recognizer, names: Sequence[Entry]) -> Biasing:
    biasing = recognizer.biasing_of(Context(tuple(names)))
    if biasing is None or biasing.keys is None:
        raise SystemExit("--bundle: it has no context attention: use one that does")
    return biasing


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--bundle", default=RecognizerSettings().bundle, help="name or path")
    parser.add_argument("--speech", choices=("real", "commands"), default="real")
    parser.add_argument("--half", choices=("tune", "report", "both"), default="both")
    parser.add_argument("--others", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--most", type=int, default=200, metavar="CLIPS")
    arguments = parser.parse_args()
    make = spoken_commands(arguments.data, 2 * arguments.most)
    clips = list(real_clips(arguments.data) if arguments.speech == "real" else make)
    halves = {"tune": slice(0, None, 2), "report": slice(1, None, 2), "both": slice(None)}
    clips = [clip for clip in clips[halves[arguments.half]][: arguments.most] if clip.names]
    others = distracting(arguments.data, max(arguments.others))
    recognizer = recognizer_of(arguments.bundle, "full", "both", {})
    lists = [rivals_of(recognizer, others[:count]) for count in arguments.others]
    said = dict.fromkeys(name for clip in clips for name in clip.names)
    biasing = _biasing(recognizer, [*said, *others[: max(arguments.others)]])
    found = list(ranks(recognizer, clips, lists, biasing))
    count = sum(len(clip.names) for clip in clips)
    print(f"{len(clips)} clips, {count} spoken names")
    print("others | keys | " + " | ".join(f"among the best {most}" for most in BEST))
    for number, (listed, rivals) in enumerate(zip(arguments.others, lists, strict=True)):
        columns = [str(listed), str(len(rivals))]
        for most in BEST:
            hits = [[rank <= most for rank in clip[number]] for clip in found]
            columns.append(str(score([_errors(clip) for clip in hits])))
        print(" | ".join(columns), flush=True)


def _errors(hits: Sequence[bool]) -> Errors:
    """Return hits as `Errors`, so that `score` gives their share and its interval."""
    return Errors(sum(hits), len(hits), first_lost=False, last_lost=False)


if __name__ == "__main__":
    main()
