"""List distractor names for `train-context-attention`: names not said in the recordings."""

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
COMMON = 2000  # the most frequent words are rarely names
WORDS = 40_000  # size of the list of frequent words
LAST = 20_000  # use only the most frequent last names, else they dominate the list
SLOTS = ("person", "contact", "artist", "artist_name", "track", "album", "song_name",
         "music_album")  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--people", type=Path, required=True,
                        help="folder of the Python package `names`, whose dist.* files hold "
                        "names from the US census of 1990")  # fmt: skip
    parser.add_argument("--without", type=Path,
                        help="data folder; leave out words of the test names in its "
                        "text/nlu.jsonl.gz")  # fmt: skip
    parser.add_argument("--without-words", nargs="*", default=[],
                        help="more words to leave out")  # fmt: skip
    parser.add_argument("--people-count", type=int, default=30_000, help="number of full names")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="one name per line, in lower case")


def run(arguments: argparse.Namespace) -> None:
    """Write full names, single first and last names, and rarer words."""
    first, last = _people(arguments.people)
    draw = random.Random(arguments.seed)
    pairs = [f"{draw.choice(first)} {draw.choice(last)}" for _ in range(arguments.people_count)]
    words = [word for word in top_n_list("en", WORDS)[COMMON:] if len(word) > 1]
    hidden = set(arguments.without_words)
    if arguments.without is not None:
        hidden |= measured(arguments.without)
    # Frequent words in titles ("the") are not names, so they need not be left out.
    hidden -= set(top_n_list("en", COMMON))
    found = [
        name for name in dict.fromkeys([*first, *last, *pairs, *words])
        if set(name) <= set(LETTERS) and hidden.isdisjoint(name.split())
    ]  # fmt: skip
    arguments.out.write_text("\n".join(found) + "\n", encoding="utf-8")
    print(f"{arguments.out}: {len(found)} names; names with any of {len(hidden)} words left out")


def measured(data: Path) -> set[str]:
    """Return the words of names in the slots of test commands, see `benchmarks.biasing`."""
    with gzip.open(data / "text" / "nlu.jsonl.gz", "rt", encoding="utf-8") as lines:
        slots = (slot for line in lines for slot in json.loads(line)["slots"])
        values = [slot["value"] for slot in slots if slot["name"] in SLOTS]
    return {word for value in values for word in normalize(value).split()}


def _people(folder: Path) -> tuple[list[str], list[str]]:
    """Return all first names and the most frequent last names."""
    female, male, last = (list(_column(folder / name)) for name in PEOPLE)
    return [*female, *male], last[:LAST]


def _column(path: Path) -> Iterator[str]:
    lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.strip():
            yield line.split()[0].lower()
