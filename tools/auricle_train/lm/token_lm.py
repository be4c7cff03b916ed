"""Makes the language model of the first pass: sentences in, `ngram.bin` out.

Each source of sentences gets a model of its own; their shares in the whole are those that predict
sentences held out best, with the users' commands and general English in balance (`SHARES`). The
whole is pruned until it fits. What is to be recognised in an evaluation is left out: the dev and
test sentences of the corpora that the texts were drawn from, and whatever the dev clips say.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from auricle.recognizer.language_model import NgramLevel, pack
from auricle.tokenizer import Tokenizer
from auricle_train.data.corpus import SPEECH, is_allowed
from auricle_train.lm.ngram import Floats, Ngram, kneser_ney, mix, normalize, prune, windows
from auricle_train.text.normalizer import normalize as spell

# What the held-out sentences of a source count for when the sources are weighed.
SHARES = {"tmpl": 0.1, "clinc": 0.15, "snips": 0.15, "slurp": 0.1, "spoken": 0.5}
HELD_OUT = 20  # one sentence of so many
ROUNDS = 30  # of expectation maximisation
SEARCHES = 12  # of bisection, for the threshold
LEAST_BACKOFF = -6.0  # nats: what is left then hardly counts, and finer steps count more
PHRASE = 3  # words: what anybody says may be learned, though a dev clip says it too
RUN = 8  # words: a text that shares a run of so many with a sentence to be recognised is left out
SYNTHETIC = "synthetic_kokoro"  # speaks the texts, which are sources already


@dataclass(frozen=True)
class Made:
    """A model and what to tell of it."""

    content: bytes  # of the file
    sizes: tuple[int, ...]  # n-grams of each length
    weights: dict[str, float]  # of each source
    losses: dict[str, float]  # nats a token on held-out sentences of each source


def read_clips(folder: Path, names: Sequence[str], split: str) -> list[str]:
    """Return what the English clips of a split of some sets say."""
    said = []
    for name in names:
        with (folder / f"{name}.tsv").open(encoding="utf-8") as table:
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
                english = row["language"].startswith("en")
                if row["split"] == split and english and is_allowed(row["licence"]):
                    said.append(row["text"])
    return said


def read_unseen(folder: Path) -> set[str]:
    """Return the sentences that a model must not know: those others are measured with."""
    unseen = set()
    with gzip.open(folder / "text" / "nlu.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            sentence = json.loads(line)
            if sentence["split"] != "train":
                unseen.add(spell(sentence["text"]))
    return unseen


def read_sources(folder: Path, texts: Sequence[Path]) -> dict[str, list[str]]:
    """Return the distinct sentences of every source.

    Args:
        folder: of sets and texts, see `corpus`.
        texts: more text, a sentence a line; each file is a source, which its name names.
    """
    spoken = [name for name in SPEECH if name != SYNTHETIC]
    sources = {"spoken": read_clips(folder, spoken, "train")}
    for line in (folder / "text" / "texts.tsv").read_text(encoding="utf-8").splitlines():
        source, text = line.split("\t", 1)
        sources.setdefault(source, []).append(text)
    for path in texts:
        lines = path.read_text(encoding="utf-8").splitlines()
        sources[path.stem] = [spell(line) for line in lines]
    dev = read_clips(folder, SPEECH, "dev")
    unseen = read_unseen(folder) | {text for text in dev if len(text.split()) >= PHRASE}
    runs = _runs(dev)
    return {
        name: [
            text
            for text in dict.fromkeys(sentences)
            if text and text not in unseen and runs.isdisjoint(_runs([text]))
        ]
        for name, sentences in sources.items()
    }


def _runs(sentences: Sequence[str]) -> set[tuple[str, ...]]:
    """Return all runs of RUN words."""
    runs = set()
    for sentence in sentences:
        words = sentence.split()
        runs.update(tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))
    return runs


def make(sources: dict[str, list[str]], tokenizer: Tokenizer, order: int, limit: int) -> Made:
    """Return the model of sources, in a file of `limit` bytes at most.

    Raises:
        ValueError: the limit is too small for the tokens alone.
    """
    size = len(tokenizer)
    models, held = {}, {}
    for name, sentences in sources.items():
        tokens = [tokenizer.encode(sentence) for sentence in sentences]
        tokens = [sentence for sentence in tokens if sentence]
        drawn = np.random.default_rng(0).permutation(len(tokens))
        cut = len(tokens) // HELD_OUT
        held[name] = [tokens[at] for at in drawn[:cut]]
        models[name] = kneser_ney([tokens[at] for at in drawn[cut:]], size, order)
    weights = weigh(models, held, order)
    whole = fit(mix(list(models.values()), weights), tokenizer, limit)
    losses = {
        name: float(-scores_of(whole, sentences, order).mean())
        for name, sentences in held.items() if sentences
    }  # fmt: skip
    return Made(
        write(whole, tokenizer), whole.sizes, dict(zip(models, weights, strict=True)), losses
    )


def scores_of(model: Ngram, sentences: Sequence[Sequence[int]], order: int) -> Floats:
    """Return the log probability of every token of sentences."""
    scores = []
    for length in range(2, order + 1):
        keys, first = windows(sentences, model.vocabulary, length)
        scores.append(model.score(keys if length == order else first, length))
    return np.concatenate(scores)


def weigh(models: dict[str, Ngram], held: dict[str, list[list[int]]], order: int) -> list[float]:
    """Return the weights by which the models together predict the held-out sentences best."""
    columns, importance = [], []
    for name, sentences in held.items():
        if sentences and name in SHARES:
            rows = [np.exp(scores_of(model, sentences, order)) for model in models.values()]
            columns.append(np.stack(rows))
            importance.append(np.full(columns[-1].shape[1], SHARES[name] / columns[-1].shape[1]))
    weights = np.full(len(models), 1 / len(models))
    if not columns:
        return weights.tolist()
    probs, counts = np.concatenate(columns, axis=1), np.concatenate(importance)
    for _ in range(ROUNDS):
        parts = weights[:, np.newaxis] * probs
        weights = (parts / parts.sum(axis=0)) @ counts
        weights /= weights.sum()
    return weights.tolist()


def fit(model: Ngram, tokenizer: Tokenizer, limit: int) -> Ngram:
    """Return the model pruned just so far that its file has `limit` bytes at most.

    Raises:
        ValueError: the limit is too small for the tokens alone.
    """
    return fit_size(model, lambda tried: len(write(tried, tokenizer)), limit)


def fit_size(model: Ngram, size_of: Callable[[Ngram], int], limit: int) -> Ngram:
    """Return the model pruned just so far that it takes `limit` bytes at most.

    Raises:
        ValueError: the limit is too small for the tokens alone.
    """
    if size_of(model) <= limit:
        return model
    low, high, best = -16.0, 0.0, None  # log10 of the threshold
    for _ in range(SEARCHES):
        middle = (low + high) / 2
        tried = prune(model, 10.0**middle)
        if size_of(tried) <= limit:
            high, best = middle, tried
        else:
            low = middle
    if best is None:
        raise ValueError(f"size: {limit} bytes are too few for {model.vocabulary} tokens")
    return best


def write(model: Ngram, tokenizer: Tokenizer) -> bytes:
    """Return the file of a model."""
    return pack(quantize(model), tokenizer.pieces)


def quantize(model: Ngram) -> list[NgramLevel]:
    """Return the n-grams of a model as a file keeps them.

    Backoffs are found anew for the probabilities as they are stored, so that these sum to one.
    """
    steps = [float(-level.log_probs[np.isfinite(level.log_probs)].min(initial=-1e-3)) / 255
             for level in model.levels]  # fmt: skip
    codes = [np.minimum(np.round(-level.log_probs / step), 255).astype(np.uint8)
             for level, step in zip(model.levels, steps, strict=True)]  # fmt: skip
    stored = [
        replace(level, log_probs=np.where(np.isfinite(level.log_probs), -step * code, -np.inf))
        for level, step, code in zip(model.levels, steps, codes, strict=True)
    ]
    model = normalize(replace(model, levels=tuple(stored)))
    kind = np.uint16 if model.vocabulary <= 1 << 16 else np.uint32
    levels = []
    for length, level in enumerate(model.levels):
        backoffs = np.maximum(level.backoffs, LEAST_BACKOFF)
        least, most = float(backoffs.min(initial=0)), float(backoffs.max(initial=0))
        step = max(most - least, 1e-3) / 255
        ends = (level.keys + 1) * model.vocabulary
        following = model.levels[length + 1].keys if length + 1 < model.order else ends[:0]
        levels.append(
            NgramLevel(
                tokens=(level.keys % model.vocabulary).astype(kind),
                first=np.concatenate([[0], np.searchsorted(following, ends)]),
                log_probs=codes[length],
                backoffs=np.round((backoffs - least) / step).astype(np.uint8),
                step=steps[length],
                least_backoff=least,
                backoff_step=step,
            )
        )
    return levels
