"""Makes the word language model of the first pass: sentences in, `words.bin` out.

The lexicon holds the most frequent words of English, all words of the sources that users' commands
and transcripts come from, and those of other texts that are met a few times. As with the model of
tokens (`token_lm.py`), each source gets a model of its own, their shares are those that predict
held-out sentences best, and what is to be recognised in an evaluation is left out. Where a source
knows nothing, a word is as likely as it is met in English at large.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auricle.recognizer.lexicon import Lexicon, build_lexicon
from auricle.recognizer.word_model import HEADER, LEVEL, pack
from auricle.tokenizer import Tokenizer
from auricle_train.lm.ngram import Floats, Ngram, kneser_ney, mix
from auricle_train.lm.token_lm import HELD_OUT, fit_size, quantize, scores_of, weigh

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*'?|'[a-z]+")  # as transcripts spell them
# Texts off the net, and lists made of them, leave the apostrophe out.
MISSPELLED = frozenset(
    [
        "aint",
        "arent",
        "cant",
        "couldnt",
        "couldve",
        "didnt",
        "doesnt",
        "dont",
        "hadnt",
        "hasnt",
        "havent",
        "hes",
        "hows",
        "im",
        "isnt",
        "itll",
        "ive",
        "shes",
        "shouldnt",
        "shouldve",
        "thats",
        "theres",
        "theyll",
        "theyre",
        "theyve",
        "wasnt",
        "werent",
        "weve",
        "whats",
        "wheres",
        "whos",
        "wouldnt",
        "wouldve",
        "yall",
        "youll",
        "youre",
        "youve",
    ]
)
LEAST_MET = 3  # times that a word is met in texts of general English to be taken
BYTES = (7, 4)  # of an n-gram, and of a longest one, in the file
NODE_BYTES = 4


@dataclass(frozen=True)
class MadeWords:
    """A model and what to tell of it."""

    content: bytes  # of the file
    words: int
    sizes: tuple[int, ...]  # n-grams of each length
    weights: dict[str, float]  # of each source
    losses: dict[str, float]  # nats a word on held-out sentences of each source


def choose_words(
    sources: Mapping[str, Sequence[str]], frequencies: Mapping[str, float], trusted: Sequence[str]
) -> list[str]:
    """Return the words of the lexicon.

    Args:
        sources: sentences by source.
        frequencies: the words of English that are to be known, with how often they are met.
        trusted: names of sources all words of which are taken.
    """
    words = {word for word in frequencies if WORD.fullmatch(word)}
    for name, sentences in sources.items():
        met = Counter(word for sentence in sentences for word in sentence.split())
        least = 1 if name in trusted else LEAST_MET
        words.update(word for word, times in met.items() if times >= least and WORD.fullmatch(word))
    return sorted(words - MISSPELLED)


def number_words(words: Sequence[str], tokenizer: Tokenizer) -> tuple[Lexicon, dict[str, int]]:
    """Return the lexicon of words, and their numbers in it, from 1; those spelled alike are one."""
    spellings = {word: tokenizer.encode(word) for word in words}
    spellings = {
        word: tokens for word, tokens in spellings.items() if tokenizer.decode(tokens) == word
    }
    lexicon = build_lexicon(spellings.values())
    numbers = {word: number for number, word in enumerate(lexicon.spelled(tokenizer.pieces), 1)}
    return lexicon, numbers


def make_words(
    sources: Mapping[str, Sequence[str]],
    frequencies: Mapping[str, float],
    tokenizer: Tokenizer,
    order: int,
    limit: int,
    trusted: Sequence[str],
) -> MadeWords:
    """Return the model of sources, in a file of `limit` bytes at most.

    Args:
        sources: sentences by source.
        frequencies: see `choose_words`; all above 0. Without any, all words are alike there.
        tokenizer: encodes texts for the first pass.
        order: length of the longest n-grams, 2 to 4.
        limit: bytes.
        trusted: see `choose_words`.

    Raises:
        ValueError: there is nothing to learn from, or the limit is too small for the words alone.
    """
    lexicon, numbers = number_words(choose_words(sources, frequencies, trusted), tokenizer)
    size = len(numbers) + 1
    base = _shares(frequencies, numbers)
    models, held = {}, {}
    for name, sentences in sources.items():
        known = [[numbers.get(word, 0) for word in sentence.split()] for sentence in sentences]
        known = [sentence for sentence in known if sentence and 0 not in sentence]
        if not known:
            continue
        drawn = np.random.default_rng(0).permutation(len(known))
        cut = len(known) // HELD_OUT
        held[name] = [known[at] for at in drawn[:cut]]
        taken = [known[at] for at in drawn[cut:]]
        models[name] = kneser_ney(taken, size, order, starts=True, base=base)
    if not models:
        raise ValueError("text: no source has a sentence of known words")
    weights = weigh(models, held, order)
    nodes = HEADER.size + order * LEVEL.size + NODE_BYTES * len(lexicon.tokens)
    whole = fit_size(
        mix(list(models.values()), weights), lambda tried: nodes + _bytes(tried), limit
    )
    losses = {
        name: float(-scores_of(whole, sentences, order).mean())
        for name, sentences in held.items() if sentences
    }  # fmt: skip
    content = pack(lexicon, quantize(whole), tokenizer.pieces)
    return MadeWords(
        content, len(numbers), whole.sizes, dict(zip(models, weights, strict=True)), losses
    )


def _shares(frequencies: Mapping[str, float], numbers: Mapping[str, int]) -> Floats:
    """Return how likely each word is in English at large (words + 1,); 0 for the start symbol."""
    shares = np.full(len(numbers) + 1, min(frequencies.values(), default=1.0))
    for word, share in frequencies.items():
        if word in numbers:
            shares[numbers[word]] = share
    shares[0] = 0.0
    found: Floats = shares / shares.sum()
    return found


def _bytes(model: Ngram) -> int:
    """Return what the n-grams take in the file."""
    return BYTES[0] * sum(model.sizes[:-1]) + BYTES[1] * model.sizes[-1]
