"""General English for language models, a sentence per line, normalised, each line once.

In: a scratch folder and the folder to fill. Out: `NAME.txt`: examples and definitions of WordNet
3.0 (its own licence), the six novels of Jane Austen (public domain), and written conversations of
the Chit-Chat dataset (MIT), without those full of chat abbreviations.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from auricle_train.text.normalizer import normalize
from recipes.registries import debian_package, extract, wheel

MOST_WORDS = 60  # maximum words per sentence
# Contractions that people type without an apostrophe, and that are then no other word.
CONTRACTIONS = (
    "i'm", "don't", "that's", "i've", "can't", "didn't", "doesn't", "isn't", "you're", "they're",
    "what's", "wasn't", "couldn't", "wouldn't", "haven't", "aren't", "shouldn't", "hasn't",
    "weren't", "hadn't", "there's", "you've", "they've", "how's", "who's", "where's", "i'd've",
)  # fmt: skip
APOSTROPHES = {word.replace("'", ""): word for word in CONTRACTIONS}
# Words of written chats that nobody says.
CHAT = frozenset((
    "u", "ur", "r", "lol", "haha", "hahaha", "hahah", "idk", "omg", "tbh", "ya", "lmao", "btw",
    "rn", "thx", "tho", "b", "c",
))  # fmt: skip


def wordnet(scratch: Path, out: Path) -> None:
    """Write `wordnet.txt`, the examples, and `glosses.txt`, the definitions."""
    examples, glosses = [], []
    for path in sorted(debian_package("wordnet-base", scratch).glob("usr/share/wordnet/data.*")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            _, _, gloss = line.partition(" | ")
            examples += re.findall(r'"([^"]+)"', gloss)
            glosses += re.sub(r'"[^"]*"', "", gloss).split(";")
    _write(out / "wordnet.txt", examples, least=2)
    _write(out / "glosses.txt", glosses, least=3)


def austen(scratch: Path, out: Path) -> None:
    """Write `austen.txt`."""
    package = debian_package("r-cran-janeaustenr", scratch)
    data = (package / "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb").read_bytes()
    books = (" ".join(_strings(record)) for record in _records(data))
    _write(out / "austen.txt", (sentence for book in books for sentence in _sentences(book)))


def chitchat(scratch: Path, out: Path) -> None:
    """Write `chitchat.txt`."""
    extract(
        [wheel("chitchat-dataset==0.9.0", scratch)],
        r"chitchat_dataset/dataset\.json",
        scratch / "dataset.json",
    )
    chats = json.loads((scratch / "dataset.json").read_text(encoding="utf-8"))
    said = (
        sentence
        for chat in chats.values()
        for message in chat["messages"]
        for part in (message if isinstance(message, list) else [message])
        for sentence in _sentences(part["text"] if isinstance(part, dict) else part)
        if not re.search(r"https?:|\d{4,}", sentence)
    )
    _write(out / "chitchat.txt", filter(None, map(_as_spoken, said)))


def _as_spoken(sentence: str) -> str:
    """Return a typed sentence with restored apostrophes; empty if it has CHAT words."""
    words = [APOSTROPHES.get(word, word) for word in normalize(sentence).split()]
    return " ".join(words) if CHAT.isdisjoint(words) else ""


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?;:])[\"')]*\s+", text)


def _records(data: bytes) -> Iterator[bytes]:
    """Yield the records of an R database; each is a 4-byte length and a zlib stream."""
    while data:
        stream = zlib.decompressobj()
        yield stream.decompress(data[4:])
        data = stream.unused_data


def _strings(record: bytes) -> Iterator[str]:
    """Yield the strings of a serialised vector of R: flags, 4 bytes of length, the text."""
    for found in re.finditer(rb"\x00\x04\x00\x09....([^\x00]*)", record, re.DOTALL):
        yield found[1].decode("latin-1")


def _write(path: Path, sentences: Iterable[str], least: int = 1) -> None:
    """Write normalised sentences of `least` to `MOST_WORDS` words, each once."""
    kept = dict.fromkeys(
        text for text in map(normalize, sentences) if least <= len(text.split()) <= MOST_WORDS
    )
    path.write_text("".join(f"{text}\n" for text in kept), encoding="utf-8")
