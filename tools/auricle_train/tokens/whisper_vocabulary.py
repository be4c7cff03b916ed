"""Reduces Whisper's vocabulary to the pieces that English commands and names need.

In: Whisper's tokens in merge order, and word frequencies. Out: `pieces.txt`, which
`auricle.tokenizer` reads, and the Whisper token of each piece. Capitals and punctuation stay,
because Whisper was trained on written text. Digits are removed, so numbers are written in words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from auricle.recognizer.surface_forms import MARKS
from auricle.tokenizer import WORD_START, Tokenizer

END = "<end>"
END_TOKEN = "<|endoftext|>"  # all later tokens of Whisper are special tokens
ENGLISH_END = 50256  # its index in Whisper's English models
SPACE = "Ġ"  # GPT-2's symbol for a space
RANKS = 1e6  # more than the number of tokens
TOKEN = re.compile(rf"{SPACE}?(?:[A-Za-z]+|'[A-Za-z]+|')")
CAPITALS = 0.12  # share of words with a capital: names and starts of sentences


def usable(tokens: Sequence[str]) -> dict[str, int]:
    """Return the tokens of letters and punctuation, by their pieces."""
    text = tokens[: tokens.index(END_TOKEN)]
    return {
        token.replace(SPACE, WORD_START): number
        for number, token in enumerate(text)
        if TOKEN.fullmatch(token) or token in (*MARKS, "-")
    }


def merge(word: str, ranks: Mapping[str, int]) -> list[str]:
    """Split a word by byte-pair encoding, as Whisper does: merge pairs in order of rank."""
    parts = list(word)
    while len(parts) > 1:
        pairs = [ranks.get(one + other, len(ranks)) for one, other in pairwise(parts)]
        best = min(pairs)
        if best == len(ranks):
            break
        where = pairs.index(best)
        parts[where : where + 2] = [parts[where] + parts[where + 1]]
    return parts


def cut(tokens: Sequence[str], words: Mapping[str, float], size: int) -> dict[str, int]:
    """Return `size - 1` pieces and their tokens: single characters and the most used pieces.

    Args:
        tokens: tokens of Whisper in merge order.
        words: frequencies of lower-case words.
        size: number of pieces, including the end.

    Raises:
        ValueError: `size` exceeds the number of usable pieces.
    """
    known = usable(tokens)
    if len(known) < size - 1:
        raise ValueError(f"size: {size} exceeds the {len(known) + 1} available pieces")
    ranks = {token.replace(SPACE, WORD_START): number for number, token in enumerate(tokens)}
    used: Counter[str] = Counter()
    for word, count in words.items():
        for form, share in ((word, 1.0), (word.capitalize(), CAPITALS)):
            for piece in merge(WORD_START + form, ranks):
                used[piece] += count * share

    def rank(piece: str) -> tuple[bool, float, int]:
        return (len(piece.removeprefix(WORD_START)) > 1, -used[piece], known[piece])

    chosen = sorted(known, key=rank)[: size - 1]
    return {piece: known[piece] for piece in sorted(chosen, key=known.__getitem__)}


def tokenizer(pieces: Mapping[str, int]) -> Tokenizer:
    """Return a tokenizer that prefers few pieces, then common ones, close to byte-pair encoding."""
    scores = [-1.0 - token / RANKS for token in pieces.values()]
    return Tokenizer([END, *pieces], [0.0, *scores])


def write(pieces: Mapping[str, int], path: Path) -> None:
    """Write the vocabulary file."""
    made = tokenizer(pieces)
    lines = [f"{END}\t0"]
    lines += [f"{piece}\t{made.score(piece):.6g}" for piece in pieces]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def sources(path: Path, tokens: Sequence[str]) -> list[int]:
    """Return Whisper's token for each piece of a vocabulary file."""
    known = usable(tokens)
    return [tokens.index(END_TOKEN)] + [known[piece] for piece in Tokenizer.load(path).pieces[1:]]


def prompt(tokens: Sequence[str]) -> list[int]:
    """Return the tokens that Whisper expects before English text."""
    names = ["<|startoftranscript|>", "<|notimestamps|>"]
    if tokens.index(END_TOKEN) != ENGLISH_END:  # multilingual models need language and task
        names[1:1] = ["<|en|>", "<|transcribe|>"]
    return [tokens.index(name) for name in names]
