"""Cuts Whisper's vocabulary to the lower-case pieces that English commands and names need.

In: Whisper's tokens, in the order of how common they are, and sentences. Out: `pieces.txt`, which
`auricle.recognizer.tokenizer` reads, and for each piece the token that its embedding begins as.
Tokens that differ only in case are one piece here: "▁london" begins as " London" is known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from auricle.recognizer.tokenizer import WORD_START, Tokenizer

END = "<end>"
END_TOKEN = "<|endoftext|>"  # after it Whisper has no more text, only what steers it
ENGLISH_END = 50256  # where that stands in Whisper's English models
RANKS = 1e6  # more than there are tokens
TOKEN = re.compile(r"Ġ?(?:[a-z]+|'[a-z]+|')", re.IGNORECASE)  # Ġ: GPT-2's mark of a space


def fold(tokens: Sequence[str]) -> dict[str, int]:
    """Return lower-case pieces and the most common token of each, the most common ones first."""
    folded: dict[str, int] = {}
    for number, token in enumerate(tokens[: tokens.index(END_TOKEN)]):
        if TOKEN.fullmatch(token):
            folded.setdefault(token.lower().replace("ġ", WORD_START), number)
    return folded


def _tokenizer(folded: dict[str, int]) -> Tokenizer:
    """Few pieces first, common pieces second: near to what byte pairs would have given."""
    scores = [0.0] + [-1.0 - number / RANKS for number in folded.values()]
    return Tokenizer([END, *folded], scores)


def cut(tokens: Sequence[str], sentences: Sequence[str], size: int) -> dict[str, int]:
    """Return `size - 1` pieces and their tokens: letters, what the sentences use, the common.

    Raises:
        ValueError: there are not as many.
    """
    folded = fold(tokens)
    if len(folded) < size - 1:
        raise ValueError(f"size: {size} is more than the {len(folded) + 1} pieces there are")
    tokenizer = _tokenizer(folded)
    counts: Counter[str] = Counter()
    for word, count in Counter(word for text in sentences for word in text.split()).items():
        for token in tokenizer.encode(word):
            counts[tokenizer.pieces[token]] += count

    def rank(piece: str) -> tuple[bool, bool, int]:
        return (len(piece.removeprefix(WORD_START)) > 1, counts[piece] < 2, folded[piece])

    chosen = sorted(folded, key=rank)[: size - 1]
    return {piece: folded[piece] for piece in sorted(chosen, key=folded.__getitem__)}


def write(pieces: dict[str, int], path: Path) -> None:
    """Write the vocabulary file."""
    scores = _tokenizer(pieces)
    lines = [f"{END}\t0"]
    lines += [f"{piece}\t{scores.score(piece):.6g}" for piece in pieces]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def sources(path: Path, tokens: Sequence[str]) -> list[int]:
    """Return Whisper's token for each piece of a vocabulary file."""
    folded = fold(tokens)
    return [tokens.index(END_TOKEN)] + [folded[piece] for piece in Tokenizer.load(path).pieces[1:]]


def prompt(tokens: Sequence[str]) -> list[int]:
    """Return the tokens that Whisper expects before English text."""
    names = ["<|startoftranscript|>", "<|notimestamps|>"]
    if tokens.index(END_TOKEN) != ENGLISH_END:  # a multilingual model wants to be told
        names[1:1] = ["<|en|>", "<|transcribe|>"]
    return [tokens.index(name) for name in names]
