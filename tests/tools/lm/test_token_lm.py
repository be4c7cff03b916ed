"""n-gram models: probabilities that sum to one at every testbed, and files that say the same."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from auricle.recognizer.language_model import LanguageModel
from auricle.tokenizer import Tokenizer
from auricle_train.data.corpus import SPEECH
from auricle_train.lm.ngram import Ngram, kneser_ney, mix, prune, windows
from auricle_train.lm.token_lm import fit, make, read_sources, write

TOKENIZER = Tokenizer(["<blank>", "▁", *"abcdefghijklmnopqrstuvwxyz"], [0.0, -1.0, *[-2.0] * 26])
SIZE = len(TOKENIZER)
ORDER = 4


def sentences(seed: int, count: int = 300) -> list[list[int]]:
    """Return sentences in which some tokens follow others more often than by chance."""
    draw = np.random.default_rng(seed)
    steps = draw.integers(1, 6, (count, 12))
    starts = draw.integers(1, SIZE, (count, 1))
    tokens = (np.concatenate([starts, steps], axis=1).cumsum(axis=1) - 1) % (SIZE - 1) + 1
    return [row[: draw.integers(1, 13)].tolist() for row in tokens]


@pytest.fixture(scope="module")
def model() -> Ngram:
    return mix([kneser_ney(sentences(seed), SIZE, ORDER) for seed in (0, 1)], [0.7, 0.3])


def sums(model: Ngram) -> np.ndarray:
    """Return the sums of the probabilities after histories that were met and that were not."""
    keys, _ = windows(sentences(0) + sentences(5), SIZE, ORDER - 1)
    tokens = np.arange(1, SIZE)
    scores = [model.score(key * SIZE + tokens, ORDER) for key in np.unique(keys)]
    return np.exp(np.stack(scores)).sum(axis=1)


def test_probabilities_sum_to_one_when_estimated_mixed_and_pruned(model: Ngram) -> None:
    pruned = prune(model, 1e-5)
    assert sum(pruned.sizes) < 0.8 * sum(model.sizes)
    for one in (kneser_ney(sentences(0), SIZE, ORDER), model, pruned):
        np.testing.assert_allclose(sums(one), 1.0, atol=1e-9)


def test_a_mixture_says_the_weighted_sum_of_what_its_models_say(model: Ngram) -> None:
    parts = [kneser_ney(sentences(seed), SIZE, ORDER) for seed in (0, 1)]
    keys = model.levels[-1].keys
    expected = 0.7 * np.exp(parts[0].score(keys, ORDER)) + 0.3 * np.exp(parts[1].score(keys, ORDER))
    np.testing.assert_allclose(np.exp(model.score(keys, ORDER)), expected)


def test_the_more_is_pruned_the_worse_it_predicts_what_was_met() -> None:
    model = kneser_ney(sentences(0), SIZE, ORDER)
    keys, _ = windows(sentences(0), SIZE, ORDER)
    pruned = [model, *(prune(model, threshold) for threshold in (1e-5, 1e-4, 1e-3))]
    losses = [-one.score(keys, ORDER).mean() for one in pruned]
    assert losses == sorted(losses)
    assert losses[-1] < np.log(SIZE - 1)


def test_the_file_says_what_the_model_does(model: Ngram, tmp_path: Path) -> None:
    pruned = prune(model, 1e-5)
    path = tmp_path / "ngram.bin"
    path.write_bytes(write(pruned, TOKENIZER))
    loaded = LanguageModel.load(path, TOKENIZER.pieces)
    tokens = np.arange(1, SIZE)
    for sentence in sentences(0, 40) + sentences(9, 40):
        state, key = loaded.initial_state(), 0
        for length, token in enumerate(sentence, start=1):
            row = loaded.log_probs(state)
            assert np.exp(row).sum() == pytest.approx(1.0, abs=0.03)
            expected = pruned.score(key * SIZE + tokens, min(length, ORDER - 1) + 1)
            np.testing.assert_allclose(row[1:], expected, atol=0.2)
            state = loaded.step(state, token)
            key = (key * SIZE + token) % SIZE ** (ORDER - 1)


def test_a_file_is_no_larger_than_it_may_be(model: Ngram) -> None:
    full = len(write(model, TOKENIZER))
    limit = full // 3
    assert 0.9 * limit < len(write(fit(model, TOKENIZER, limit), TOKENIZER)) <= limit
    with pytest.raises(ValueError, match="size: 60 bytes are too few"):
        fit(model, TOKENIZER, 60)


def test_the_sources_that_predict_best_weigh_most() -> None:
    useful = ["turn on the light", "turn off the light", "set a timer", "call the office"] * 30
    useful = [f"{text} {'now' if at % 2 else 'please'} {at % 7 * 'x'}" for at, text
              in enumerate(useful)]  # fmt: skip
    noise = ["".join(row) for row in np.random.default_rng(0).choice(list("qzjw"), (300, 9))]
    made = make({"spoken": useful, "rubbish": noise}, TOKENIZER, 3, 20_000)
    assert made.weights["spoken"] > 0.95
    assert made.losses["spoken"] < made.losses["rubbish"]
    assert len(made.content) <= 20_000


def test_what_others_are_measured_with_is_left_out(tmp_path: Path) -> None:
    columns = ("text", "split", "language", "licence")
    said = "the quick brown fox jumps over the lazy dog again"
    for name in SPEECH:
        with (tmp_path / f"{name}.tsv").open("w", encoding="utf-8", newline="") as table:
            writer = csv.writer(table, delimiter="\t", quoting=csv.QUOTE_NONE)
            writer.writerow(columns)
            writer.writerow(("take me", "train", "en", "CC0"))
            writer.writerow((said, "dev", "en", "CC0"))
            writer.writerow(("not free", "train", "en", "CC BY-SA"))
            writer.writerow(("nein", "train", "de", "CC0"))
    (tmp_path / "text").mkdir()
    lines = ["clinc\tset an alarm", "clinc\twake me at seven", "clinc\twake me at seven"]
    (tmp_path / "text" / "texts.tsv").write_text("\n".join(lines), encoding="utf-8")
    with gzip.open(tmp_path / "text" / "nlu.jsonl.gz", "wt", encoding="utf-8") as file:
        for text, split in (("Set an alarm", "test"), ("Wake me at 7", "train")):
            file.write(json.dumps({"text": text, "split": split}) + "\n")
    novel = tmp_path / "novel.txt"
    novel.write_text(f"He said: {said}!\nIt was 7 o'clock.\n", encoding="utf-8")
    assert read_sources(tmp_path, [novel]) == {
        "spoken": ["take me"],
        "clinc": ["wake me at seven"],
        "novel": ["it was seven o'clock"],
    }
