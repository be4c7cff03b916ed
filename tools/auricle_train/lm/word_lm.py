"""Trains the word language model of the first pass: sentences in, `words.bin` out.

The lexicon has the most frequent English words, all words of trusted sources (commands and
transcripts), and words that occur a few times in other texts. As in `token_lm.py`, each source gets
its own model, the mixture weights are those that best predict held-out sentences, and evaluation
sentences are excluded. Each model backs off to the frequencies of words in general English.
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

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*'?|'[a-z]+")  # spelling in transcripts
# Misspellings without apostrophe, common in texts from the web.
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
LEAST_COUNT = 3  # minimum occurrences of a word in sources that are not trusted
BYTES = (7, 4)  # per n-gram in the file: shorter ones, longest ones
NODE_BYTES = 4  # per node of the lexicon


@dataclass(frozen=True)
class MadeWords:
    """A model and its statistics."""

    content: bytes  # content of the file
    words: int
    sizes: tuple[int, ...]  # number of n-grams of each length
    weights: dict[str, float]  # mixture weight of each source
    losses: dict[str, float]  # nats per word on held-out sentences of each source


def choose_words(
    sources: Mapping[str, Sequence[str]], frequencies: Mapping[str, float], trusted: Sequence[str]
) -> list[str]:
    """Return the words of the lexicon.

    Args:
        sources: sentences by source.
        frequencies: English words to include, with their frequencies.
        trusted: names of sources whose words are all included.
    """
    words = {word for word in frequencies if WORD.fullmatch(word)}
    for name, sentences in sources.items():
        counts = Counter(word for sentence in sentences for word in sentence.split())
        least = 1 if name in trusted else LEAST_COUNT
        words.update(word for word, n in counts.items() if n >= least and WORD.fullmatch(word))
    return sorted(words - MISSPELLED)


def number_words(words: Sequence[str], tokenizer: Tokenizer) -> tuple[Lexicon, dict[str, int]]:
    """Return the lexicon, and the number of each word, from 1, in it."""
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
    """Train the model of all sources, with a file of at most `limit` bytes.

    Args:
        sources: sentences by source.
        frequencies: see `choose_words`; above 0. If empty, the back-off is uniform.
        tokenizer: tokenizer of the first pass.
        order: length of the longest n-grams, 2 to 4.
        limit: maximum bytes of the file.
        trusted: see `choose_words`.

    Raises:
        ValueError: no source has a usable sentence, or the limit is too small for the lexicon.
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
        training = [known[at] for at in drawn[cut:]]
        models[name] = kneser_ney(training, size, order, starts=True, base=base)
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
    """Return the probability of each word in general English, (words + 1,); 0 for the start."""
    shares = np.full(len(numbers) + 1, min(frequencies.values(), default=1.0))
    for word, share in frequencies.items():
        if word in numbers:
            shares[numbers[word]] = share
    shares[0] = 0.0
    found: Floats = shares / shares.sum()
    return found


def _bytes(model: Ngram) -> int:
    """Return the size of the n-grams in the file."""
    return BYTES[0] * sum(model.sizes[:-1]) + BYTES[1] * model.sizes[-1]
