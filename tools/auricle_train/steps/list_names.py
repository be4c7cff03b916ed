"""List names that nobody says in the recordings, for `attend` to tell said names from."""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from wordfreq import top_n_list

from auricle.biasing.context_attention import LETTERS
from auricle_train.text.normalizer import normalize

PEOPLE = ("dist.female.first", "dist.male.first", "dist.all.last")
COMMON = 2000  # of the most frequent words: hardly ever names
WORDS = 40_000  # of the most frequent words that are read
LAST = 20_000  # of the most frequent last names: the rest would be most of the list
SLOTS = ("person", "contact", "artist", "artist_name", "track", "album", "song_name",
         "music_album")  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the step."""
    parser.add_argument("--people", type=Path, required=True,
                        help="folder of the Python package `names`, with its dist.* files: names "
                        "of the US census of 1990")  # fmt: skip
    parser.add_argument("--without", type=Path,
                        help="folder of sets, whose names in text/nlu.jsonl.gz are measured with "
                        "and left out")  # fmt: skip
    parser.add_argument("--without-words", nargs="*", default=[],
                        help="more words to leave out")  # fmt: skip
    parser.add_argument("--people-count", type=int, default=30_000, help="first and last names")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="a name a line, in small letters")


def run(arguments: argparse.Namespace) -> None:
    """Write people, their first and last names alone, and words."""
    first, last = _people(arguments.people)
    draw = random.Random(arguments.seed)
    pairs = [f"{draw.choice(first)} {draw.choice(last)}" for _ in range(arguments.people_count)]
    words = [word for word in top_n_list("en", WORDS)[COMMON:] if len(word) > 1]
    hidden = set(arguments.without_words)
    if arguments.without is not None:
        hidden |= measured(arguments.without)
    # A frequent word in a title ("the") hides nothing that is measured.
    hidden -= set(top_n_list("en", COMMON))
    found = [
        name for name in dict.fromkeys([*first, *last, *pairs, *words])
        if set(name) <= set(LETTERS) and hidden.isdisjoint(name.split())
    ]  # fmt: skip
    arguments.out.write_text("\n".join(found) + "\n", encoding="utf-8")
    print(f"{arguments.out}: {len(found)} names; {len(hidden)} words are left out")


def measured(data: Path) -> set[str]:
    """Return the words of names that stand in slots of commands, see `benchmarks.biasing`."""
    with gzip.open(data / "text" / "nlu.jsonl.gz", "rt", encoding="utf-8") as lines:
        slots = (slot for line in lines for slot in json.loads(line)["slots"])
        values = [slot["value"] for slot in slots if slot["name"] in SLOTS]
    return {word for value in values for word in normalize(value).split()}


def _people(folder: Path) -> tuple[list[str], list[str]]:
    """Return first names, and the most frequent last names."""
    female, male, last = (list(_column(folder / name)) for name in PEOPLE)
    return [*female, *male], last[:LAST]


def _column(path: Path) -> Iterator[str]:
    lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.strip():
            yield line.split()[0].lower()
