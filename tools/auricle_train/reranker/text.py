"""Training sentences of the reranker's language model, some with hidden names.

In: the data folder, see `data.corpus`, and more texts. Out: sentences by source, for training and
held out. Evaluation sentences are excluded, as for the n-gram model of the first pass
(`lm.token_lm.read_sources`). Devices may send placeholders such as `contact-a` for names, so names
are hidden in a share of the sentences with known names, each word separately.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auricle_train.lm.token_lm import read_sources, read_unseen
from auricle_train.text.normalizer import normalize

# Sampling weights of the sources; all others have weight OTHER.
SHARES = {"tmpl": 0.1, "clinc": 0.2, "snips": 0.12, "slurp": 0.14, "spoken": 0.08, "hidden": 0.06}
OTHER = 0.3
HELD_OUT = 20  # one of this many sentences is held out
SLOTS = {
    "person": "contact", "contact": "contact", "device_type": "appliance",
    "artist": "media", "artist_name": "media", "track": "media", "album": "media",
    "song_name": "media", "playlist": "media", "playlist_name": "media", "podcast_name": "media",
    "radio_name": "media", "entity_name": "media",
}  # fmt: skip
# Positions of names in sentences made from templates.
TEMPLATES = (
    (re.compile(r"((?:video call|call|dial|text|ring|message) )(.+)"), "contact"),
    (re.compile(r"((?:turn on|turn off|switch on|switch off|lock|dim) the )(.+)"), "appliance"),
)
LONGEST_NAME = 4  # words
UNKNOWN_KIND = 0.2  # share of hidden names with unknown kind


@dataclass(frozen=True)
class Source:
    """Sentences of one source, each a list of words."""

    share: float  # sampling weight
    learned: list[list[str]]
    held_out: list[list[str]]


def read(folder: Path, texts: Sequence[Path]) -> dict[str, Source]:
    """Return all sources.

    Args:
        folder: data folder.
        texts: additional files, one sentence per line; each is a source named after the file.
    """
    sources = read_sources(folder, texts)
    draw = np.random.default_rng(0)
    sources["hidden"] = list(dict.fromkeys(_hidden(folder, sources.get("tmpl", []), draw)))
    return {name: _source(name, sentences) for name, sentences in sources.items() if sentences}


def _source(name: str, sentences: Sequence[str]) -> Source:
    drawn = np.random.default_rng(0).permutation(len(sentences))
    words = [sentences[at].split() for at in drawn]
    cut = len(words) // HELD_OUT
    return Source(SHARES.get(name, OTHER), words[cut:], words[:cut])


def _hidden(folder: Path, templates: Sequence[str], draw: np.random.Generator) -> Iterator[str]:
    """Yield sentences with placeholders in place of names."""
    unseen = read_unseen(folder)
    with gzip.open(folder / "text" / "nlu.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            sentence = json.loads(line)
            slots = [slot for slot in sentence["slots"] if slot["name"] in SLOTS]
            spelled = normalize(sentence["text"])
            if sentence["split"] == "train" and slots and spelled not in unseen:
                yield _with_placeholders(sentence["text"], slots, draw)
    for text in templates:
        for pattern, kind in TEMPLATES:
            found = pattern.fullmatch(text)
            if found and len(found[2].split()) <= LONGEST_NAME:
                yield found[1] + _placeholders(found[2], kind, draw)


def _with_placeholders(
    text: str, slots: Sequence[dict[str, object]], draw: np.random.Generator
) -> str:
    parts, at = [], 0
    for slot in sorted(slots, key=lambda slot: int(str(slot["start"]))):
        begin, end = int(str(slot["start"])), int(str(slot["end"]))
        if begin < at:
            continue
        name = normalize(text[begin:end])
        parts += [normalize(text[at:begin]), _placeholders(name, SLOTS[str(slot["name"])], draw)]
        at = end
    return " ".join(" ".join([*parts, normalize(text[at:])]).split())


def _placeholders(name: str, kind: str, draw: np.random.Generator) -> str:
    if draw.random() < UNKNOWN_KIND:
        kind = "name"
    return " ".join(f"{kind}-{chr(ord('a') + place)}" for place, _ in enumerate(name.split()[:26]))
