"""Trains the token language model of the first pass: sentences in, `ngram.bin` out.

Each source of sentences gets its own model. Their mixture weights maximise the likelihood of
held-out sentences, which `SHARES` balances between commands and general English. The mixture is
pruned to the size limit. Evaluation sentences are excluded: the dev and test sentences of the text
corpora, and the transcripts of the dev clips.
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

# Weights of the held-out sentences of each source for the mixture weights.
SHARES = {"tmpl": 0.1, "clinc": 0.15, "snips": 0.15, "slurp": 0.1, "spoken": 0.5}
HELD_OUT = 20  # one of this many sentences is held out
ROUNDS = 30  # of expectation maximisation
SEARCHES = 12  # steps of bisection for the pruning threshold
LEAST_BACKOFF = -6.0  # nats; a lower bound allows finer quantization steps
PHRASE = 3  # words; shorter dev sentences are common phrases and not excluded
RUN = 8  # words; texts that share such a run with a dev sentence are excluded
SYNTHETIC = "synthetic_kokoro"  # its transcripts come from the texts, which are sources already


@dataclass(frozen=True)
class Made:
    """A model file and its statistics."""

    content: bytes  # content of the file
    sizes: tuple[int, ...]  # number of n-grams of each length
    weights: dict[str, float]  # mixture weight of each source
    losses: dict[str, float]  # nats per token on held-out sentences of each source


def read_clips(folder: Path, names: Sequence[str], split: str) -> list[str]:
    """Return the transcripts of the English clips in one split of some sets."""
    said = []
    for name in names:
        with (folder / f"{name}.tsv").open(encoding="utf-8") as table:
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
                english = row["language"].startswith("en")
                if row["split"] == split and english and is_allowed(row["licence"]):
                    said.append(row["text"])
    return said


def read_unseen(folder: Path) -> set[str]:
    """Return the evaluation sentences, which must not be training data."""
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
        folder: data folder, see `data.corpus`.
        texts: more texts, one sentence per line; each file is a source with the name of the file.
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
    """Train the model; its file has at most `limit` bytes.

    Raises:
        ValueError: the limit is too small even for unigrams.
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
    """Return the log probability of each token of the sentences."""
    scores = []
    for length in range(2, order + 1):
        keys, first = windows(sentences, model.vocabulary, length)
        scores.append(model.score(keys if length == order else first, length))
    return np.concatenate(scores)


def weigh(models: dict[str, Ngram], held: dict[str, list[list[int]]], order: int) -> list[float]:
    """Return the mixture weights that maximise the likelihood of the held-out sentences."""
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
    """Prune the model just enough that its file has at most `limit` bytes.

    Raises:
        ValueError: the limit is too small even for unigrams.
    """
    return fit_size(model, lambda tried: len(write(tried, tokenizer)), limit)


def fit_size(model: Ngram, size_of: Callable[[Ngram], int], limit: int) -> Ngram:
    """Prune the model just enough that `size_of` gives at most `limit` bytes.

    Raises:
        ValueError: the limit is too small even for unigrams.
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
    """Return the file content of a model."""
    return pack(quantize(model), tokenizer.pieces)


def quantize(model: Ngram) -> list[NgramLevel]:
    """Return the quantized n-grams of a model.

    Backoffs are recomputed for the quantized probabilities, so that they sum to one.
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
