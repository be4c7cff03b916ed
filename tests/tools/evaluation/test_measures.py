"""From real recordings, heard by the shipped bundle, to figures."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from auricle.bundle.manifest import load_bundle
from auricle.config.schema import Config
from auricle.offline.live_clock import Known
from auricle_train.data.corpus import Clip
from auricle_train.evaluation.conditions import Background, Condition, Place
from auricle_train.evaluation.emission import emission_delays
from auricle_train.evaluation.listening import Heard, Listener
from auricle_train.evaluation.manifest import keep_results
from auricle_train.evaluation.measures import (
    SESSION,
    WHOLE,
    Judged,
    by_length,
    by_speaker,
    delays,
    endings,
    judge,
    lost,
    real_time_factors,
    row,
)
from auricle_train.evaluation.partials import judge_partials
from auricle_train.evaluation.readings import Told
from auricle_train.evaluation.report import Report
from auricle_train.evaluation.run import choose
from auricle_train.text.word_errors import compare

SHIPPED = Path(__file__).parents[3] / "models" / "en-tiny"
SAID = ("must_sleep", "wounded_in_the_arm", "momentum_gained", "go")


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener(Config())


@pytest.fixture(scope="module")
def heard(listener: Listener, clips: dict[str, Clip]) -> list[Heard]:
    return [listener.hear(clips[name]) for name in SAID]


def judged(speaker: str, reference: str, text: str) -> Judged:
    errors = compare(reference, text)
    return Judged(speaker, errors.words, {WHOLE: errors, SESSION: errors})


def test_the_daemon_s_pipeline_hears_whole_recordings_and_sessions(heard: list[Heard]) -> None:
    found = row("real", [judge(one) for one in heard])
    assert (found.utterances, found.words) == (4, 20)
    assert found.scores.keys() == {WHOLE, SESSION}
    assert found.scores[WHOLE].rate < 0.7
    assert endings(heard).silent.count == 0
    assert 0 < real_time_factors(heard)[SESSION] < 1


def test_a_word_is_seen_within_a_chunk_or_two_of_its_end_or_when_it_is_read_again(
    heard: list[Heard],
) -> None:
    session = heard[0].session
    late = emission_delays(session)
    again = [known.time for known in (session.speculative, session.final) if known]
    assert len(late) == len(session.result.words)
    for word, delay in zip(session.result.words, late, strict=True):
        assert -0.5 < delay < 2.0 or word.end + delay == pytest.approx(min(again))


def test_a_word_counts_as_seen_where_it_first_stands_in_its_place(heard: list[Heard]) -> None:
    session = heard[0].session
    word = session.result.words[0]
    told = replace(
        session,
        partials=(Known(f"oh {word.word}", word.end + 0.1), Known(word.word, word.end + 0.5)),
        speculative=None,
    )
    assert emission_delays(told)[0] == pytest.approx(0.5)


def test_delays_leave_out_sessions_that_were_cut_off(heard: list[Heard]) -> None:
    assert [delay.count for delay in delays(heard)][-1] == sum(not one.cut_off for one in heard)
    cut = [replace(one, end=one.session.final.time + 1.0) for one in heard]
    assert all(one.cut_off for one in cut)
    assert delays(cut) == []
    assert endings(cut).cut_off.count == 4


def test_noise_is_heard_by_all_readers(listener: Listener, clips: dict[str, Clip]) -> None:
    background = Background([], [clips["rain"]], [])
    clip = clips["must_sleep"]
    quiet = listener.hear(clip)
    noisy = listener.hear(clip, background, Condition(Place.KITCHEN, -20.0))
    assert noisy.end == quiet.end
    assert noisy.whole.result.text != quiet.whole.result.text


def test_rows_go_by_the_length_of_what_was_said() -> None:
    some = [judged("", " ".join(["a"] * words), "a") for words in (1, 2, 4, 5, 8, 9, 15, 16, 40)]
    assert [(one.name, one.utterances) for one in by_length(some)] == [
        ("1 word", 1), ("2 to 4 words", 2), ("5 to 8 words", 2), ("9 to 15 words", 2),
        ("16 or more words", 2),
    ]  # fmt: skip


def test_speakers_are_told_by_numbers_worst_first_and_only_with_enough_words() -> None:
    said = "one two three four five six"
    some = [
        judged(speaker, said, text)
        for speaker, text in (("ann", said), ("bob", ""), ("cid", "one two three"))
        for _ in range(6)
    ]
    found = by_speaker([*some, judged("dan", said, ""), judged("", said * 20, "")])
    assert [one.name for one in found] == [
        "worst of 3: speaker 2", "median of 3: speaker 3", "best of 3: speaker 1",
    ]  # fmt: skip
    assert [one.scores[WHOLE].rate for one in found] == [1.0, 0.5, 0.0]


def test_lost_words_are_counted_for_each_reader(heard: list[Heard]) -> None:
    deaf = [replace(one, peers={"peer": Told("", 0.1)}) for one in heard]
    found = {one.reader: one for one in lost([judge(one) for one in deaf])}
    assert found["peer"].first.rate == found["peer"].last.rate == 1.0
    assert found[WHOLE].first.rate < 1.0


def report_of(heard: list[Heard]) -> Report:
    some = [judge(one) for one in heard]
    sets = [row("real", some)]
    return Report(
        command="measure", bundle="en-tiny 1", size=1_500_000, sets=sets,
        lengths=by_length(some), speakers=by_speaker(some), noise=[], lost=lost(some),
        delays=delays(heard), partials=judge_partials(heard), endings=endings(heard),
        real_time_factors=real_time_factors(heard),
    )  # fmt: skip


def test_the_report_says_the_same_as_table_and_as_json(heard: list[Heard]) -> None:
    report = report_of(heard)
    sets, markdown, values = report.sets, report.markdown(), json.loads(report.json())
    assert f"| real | 4 | 20 | {sets[0].scores[WHOLE]} | {sets[0].scores[SESSION]} |" in markdown
    assert "### en-tiny 1, 1.5 MB" in markdown
    assert "| noise |" not in markdown
    assert values["sets"][0]["scores"][WHOLE]["rate"] == sets[0].scores[WHOLE].rate
    assert values["endings"]["cut_off"]["total"] == 4
    assert f"| texts | {values['partials']['told']} |" in markdown
    assert values["partials"]["told"] > 4
    assert all(one["low"] <= one["median"] <= one["high"] for one in values["delays"])


def test_a_bundle_keeps_its_word_error_rates_by_mode(heard: list[Heard], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "bundle"))
    report = report_of(heard)
    keep_results(folder, "off", report)
    keep_results(folder, "full", report)
    kept = yaml.safe_load((folder / "manifest.yaml").read_text("utf-8"))["results"]
    assert {"first_pass", "both_passes"} <= kept.keys()
    rates = kept["first_pass"]["word_error_rate_percent"]["real"]
    assert rates["recordings"] == 4
    assert rates["whole"]["rate"] == round(100 * report.sets[0].scores[WHOLE].rate, 1)
    load_bundle(folder, "recognizer")


def test_the_same_recordings_are_chosen_in_every_run_and_kept_when_more_are(
    clips: dict[str, Clip],
) -> None:
    every = list(clips.values())
    few, more = ([clip.name for clip in choose(every, count)] for count in (4, 8))
    assert len(few) == 4
    assert set(few) < set(more)
    assert choose(every, 4) == choose(every, 4)
    assert choose(every, 0) == every
