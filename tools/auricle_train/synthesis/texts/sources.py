"""Words, names and sentences that texts are made from; evaluation data is excluded.

In: the data folder and optional files of names. Out: lists of normalised text.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wordfreq import top_n_list

from auricle_train.data.corpus import read_table
from auricle_train.data.layouts.utterance import LayoutError
from auricle_train.lm.token_lm import SYNTHETIC, read_sources
from auricle_train.text.normalizer import normalize

# Slots of `text/nlu.jsonl.gz` by kind of name.
SLOTS = {
    "people": ("person", "contact", "party_size_description"),
    "places": ("city", "country", "state", "place_name", "geographic_poi", "poi",
               "restaurant_name"),
    "media": ("artist", "artist_name", "track", "album", "song_name", "movie_name", "object_name",
              "entity_name", "game_name", "audiobook_name", "podcast_name", "radio_name",
              "playlist"),
}  # fmt: skip
SPELLED = 20_000  # number of most frequent English words that may be spelled
LONGEST = 5  # maximum words of a name
SPOKEN = "spoken"  # source of `read_sources`: transcripts of recordings


@dataclass(frozen=True)
class Lists:
    """Material of texts; all normalised."""

    words: Sequence[str]
    people: Sequence[str]
    places: Sequence[str]
    media: Sequence[str]


def read_lists(data: Path, people: Path | None = None, places: Path | None = None) -> Lists:
    """Return the lists.

    Args:
        data: folder of sets; slot values are taken from training sentences only.
        people: file with more names of people, one per line.
        places: file with more names of places, one per line.

    Raises:
        LayoutError: a file has no names.
    """
    found = {kind: _slot_values(data, names) for kind, names in SLOTS.items()}
    for kind, path in (("people", people), ("places", places)):
        if path is not None:
            found[kind] = sorted({*found[kind], *_read_names(path)})
    words = [word for word in top_n_list("en", SPELLED) if word.isascii() and word.isalpha()]
    return Lists([*words, *_parts(found["people"])], **found)


def unspoken(data: Path) -> list[str]:
    """Return the sentences of `text/texts.tsv` that `synthetic_kokoro` does not speak.

    Evaluation sentences, and sentences close to transcripts of dev clips, are excluded, see
    `lm.token_lm.read_sources`.
    """
    spoken = {row["text"] for split in ("train", "dev") for row in
              read_table(data, SYNTHETIC, split, to_ship=False)}  # fmt: skip
    sources = read_sources(data, ())
    sentences = [text for name, texts in sources.items() if name != SPOKEN for text in texts]
    return [text for text in dict.fromkeys(map(normalize, sentences)) if text not in spoken]


def _slot_values(data: Path, names: Sequence[str]) -> list[str]:
    values = set()
    with gzip.open(data / "text" / "nlu.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            sentence = json.loads(line)
            if sentence["split"] == "train":
                values |= {normalize(slot["value"]) for slot in sentence["slots"]
                           if slot["name"] in names}  # fmt: skip
    return sorted(value for value in values if 0 < len(value.split()) <= LONGEST)


def _read_names(path: Path) -> list[str]:
    names = [normalize(line) for line in path.read_text(encoding="utf-8").splitlines()]
    names = [name for name in names if name]
    if not names:
        raise LayoutError(f"names: {path} has no names; name a file with one per line")
    return names


def _parts(names: Sequence[str]) -> list[str]:
    return [part for name in names for part in name.split() if len(part) > 1]
