"""What `evaluate-top` tells of two tops: word errors, lost ends and paired differences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auricle_train.__main__ import main
from auricle_train.data.encoder_cache import read_cache
from auricle_train.text.word_errors import compare, score
from auricle_train.top.ablation import ALL, SEARCHES, compared, measured, recognised, table
from auricle_train.top.data import examples_of
from auricle_train.top.evaluation import greedy_rates
from auricle_train.top.nbest import BeamOptions
from testbed.small_top import make_top, write_cache, write_top, write_vocabulary

from testbed.small_training import TOKENIZER  # isort: skip


def test_greedy_searches_are_those_of_the_training_run(tmp_path: Path) -> None:
    write_cache(tmp_path)
    top = make_top(5, scale=4.0)
    examples = examples_of(read_cache(tmp_path), TOKENIZER)
    found = measured(recognised(top, examples, TOKENIZER, BeamOptions(symbols=4), 0.3))
    rates = greedy_rates(top, examples, TOKENIZER)
    assert found["ctc"]["tones"]["rate"] == pytest.approx(rates["ctc"]["tones"].rate)
    assert found["greedy"]["tones"]["rate"] == pytest.approx(rates["transducer"]["tones"].rate)
    assert set(found) == set(SEARCHES)
    assert found["beam"][ALL] == found["beam"]["tones"]


def test_differences_are_of_pairs() -> None:
    before = [compare("one two", "two"), compare("three four five", "three four")] * 20
    after = [compare("one two", "one two"), compare("three four five", "three four")] * 20
    same = compared({"beam": {"all": before}}, {"beam": {"all": before}})["beam"]["all"]
    assert (same["rate"], same["low"], same["high"]) == (0.0, 0.0, 0.0)
    found = compared({"beam": {"all": before}}, {"beam": {"all": after}})["beam"]["all"]
    assert found["rate"] == pytest.approx(score(after).rate - score(before).rate)
    assert found["low"] < found["rate"] < found["high"] < 0
    assert found["first_lost"]["rate"] == -0.5
    assert found["last_lost"]["rate"] == 0.0
    assert "| all (40) | beam | -20.0 [" in table({"beam": {"all": found}})


def test_the_step_writes_all_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = write_cache(tmp_path / "cache")
    for seed in (1, 2):
        write_top(tmp_path / f"{seed}.pt", digest, make_top(seed, scale=4.0))
    words = ["evaluate-top", "--checkpoint", str(tmp_path / "1.pt"), str(tmp_path / "2.pt"),
             "--dev", str(tmp_path / "cache"), "--limit", "5", "--out", str(tmp_path / "out.json"),
             "--vocabulary", str(write_vocabulary(tmp_path / "tokens.txt"))]  # fmt: skip
    assert main(words) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert [one["sets"]["beam"]["tones"]["utterances"] for one in found["tops"]] == [5, 5]
    before, after = (one["sets"]["greedy"]["all"]["rate"] for one in found["tops"])
    change = found["differences"][0]["sets"]["greedy"]["all"]
    assert change["rate"] == pytest.approx(after - before)
    assert "2.pt against" in capsys.readouterr().out
