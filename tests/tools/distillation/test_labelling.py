"""Teachers label clips; a killed run goes on; their agreement decides which labels to trust."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.audio.file import read_recording
from auricle.errors import ModelError, StorageError
from auricle_train.__main__ import main
from auricle_train.data.corpus import Clip
from auricle_train.distillation.agreement import difference, disagreement, letter_error_rate
from auricle_train.distillation.labelling import SHARD, label
from auricle_train.distillation.labels import Label, LabelFile, join_labels, read_labels
from auricle_train.distillation.lists import table, write_lists
from auricle_train.distillation.loading import load_teachers
from auricle_train.distillation.selection import Criteria, Verdict, judge, pseudo_label
from auricle_train.distillation.shards import cut
from auricle_train.distillation.sources import Found
from auricle_train.distillation.teacher import Reading
from auricle_train.distillation.whisper_teacher import WhisperOptions
from auricle_train.text.normalizer import normalize
from testbed.recordings import Recording


@dataclass
class Parrot:
    """A teacher that hears what the loudest sample says: a number of a list of texts."""

    name: str
    texts: Sequence[str]
    heard: list[int] = field(default_factory=list)  # how many clips were read at once
    dies_after: int = 1000

    def read(self, clips: Sequence[NDArray[np.int16]]) -> list[Reading]:
        if sum(self.heard) >= self.dies_after:
            raise KeyboardInterrupt
        self.heard.append(len(clips))
        return [Reading(self.name, self.texts[clip.max()], -0.1, 0.0) for clip in clips]


def found(number: int, text: str = "", said: int = 0) -> Found:
    samples = np.full(160 + number, said, np.int16)
    return "set", Clip(f"clip{number}", samples, text, "")


def one_label(*texts: str, transcript: str = "", log_prob: float = -0.1, no_speech: float = 0.0):
    readings = tuple(Reading(str(number), text, log_prob, no_speech)
                     for number, text in enumerate(texts))  # fmt: skip
    return Label("clip", "set", 1.0, transcript, readings)


def test_each_clip_gets_what_every_teacher_reads_in_it(tmp_path: Path) -> None:
    teachers = Parrot("a", ["one", "two"]), Parrot("b", ["one", "too"])
    clips = [found(0, "One!", 0), found(1, "", 1)]
    label(clips, lambda: teachers, tmp_path / "labels.jsonl")
    first, second = read_labels(tmp_path / "labels.jsonl")
    assert (first.clip, first.origin, first.seconds) == ("clip0", "set", 0.01)
    assert (first.transcript, first.disagreement, first.errors) == ("one", 0.0, [0.0, 0.0])
    assert [reading.text for reading in second.readings] == ["two", "too"]
    assert (second.disagreement, second.errors) == (1.0, None)


def test_a_killed_run_loses_its_last_shard_only_and_reads_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    clips = [found(number) for number in range(2 * SHARD)]
    dying = Parrot("a", ["yes"], dies_after=SHARD + 1)
    with pytest.raises(KeyboardInterrupt):
        label(clips, lambda: [dying], path)
    assert len(list(read_labels(path))) == SHARD
    with path.open("a", encoding="utf-8") as file:
        file.write('{"clip": "cut sh')
    again = Parrot("a", ["yes"])
    label(clips, lambda: [again], path)
    assert sum(again.heard) == SHARD
    assert {one.clip for one in read_labels(path)} == {clip.name for _, clip in clips}


def test_the_second_teacher_reads_only_what_the_first_doubts(tmp_path: Path) -> None:
    first, second = Parrot("a", ["turn it off", "no", ""]), Parrot("b", ["turn it off"] * 3)
    clips = [found(0, "turn it on", 0), found(1, "turn it on", 1), found(2, "turn it on", 2),
             found(3, "", 0)]  # fmt: skip
    label(clips, lambda: [first, second], tmp_path / "labels", doubt=0.75)
    readings = [len(one.readings) for one in read_labels(tmp_path / "labels")]
    assert readings == [1, 2, 2, 2]


def test_a_line_that_is_no_label_is_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    LabelFile(path).add([one_label("yes")])
    with path.open("a", encoding="utf-8") as file:
        file.write("{}\n")
    with pytest.raises(StorageError, match=r"labels.jsonl:2: not a label"):
        list(read_labels(path))


def test_a_stream_is_cut_into_shards_without_reading_it_all() -> None:
    numbers = iter(range(10))
    assert next(cut(numbers, 4)) == [0, 1, 2, 3]
    assert next(numbers) == 4


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no model.bin, config.json, tokenizer.json"):
        load_teachers([tmp_path], WhisperOptions())


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(ModelError, match="not a Whisper model in CTranslate2's format"):
        load_teachers([tmp_path], WhisperOptions())


def test_a_bundle_is_a_teacher(recordings: dict[str, Recording]) -> None:
    (teacher,) = load_teachers([Path("models/en-tiny").resolve()], WhisperOptions())
    said = recordings["must_sleep"]
    (reading,) = teacher.read([read_recording(said.path)])
    assert (reading.teacher, reading.no_speech) == ("en-tiny", 0.0)
    assert difference(reading.text, normalize(said.text)) < 0.5
    assert -2.0 < reading.log_prob < 0.0
    (silent,) = teacher.read([np.zeros(16_000, np.int16)])
    assert (silent.text, silent.no_speech) == ("", 1.0)
    assert silent.log_prob < Criteria().unsure


def test_disagreement_is_symmetric_and_at_most_one() -> None:
    assert difference("a b c d", "a b") == difference("a b", "a b c d") == 0.5
    assert difference("", "") == 0.0
    assert difference("a", "") == 1.0
    assert disagreement(["a b", "a b", "a c"]) == pytest.approx(1 / 3)
    assert disagreement(["a"]) is None
    assert letter_error_rate("k nine", "canine") == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (one_label("turn it on", "turn it on"), Verdict.LABELLED),
        (one_label("turn it on", "turn it on", log_prob=-0.9), Verdict.UNSURE),
        (one_label("turn it on", "turn it off"), Verdict.DISAGREED),
        (one_label("turn it on"), Verdict.DISAGREED),
        (one_label("", ""), Verdict.NO_SPEECH),
        (one_label("you", "you", log_prob=-1.5, no_speech=0.9), Verdict.NO_SPEECH),
        (one_label("you", "", transcript="stop", log_prob=-1.5), Verdict.KEPT),
        (one_label("", "", transcript="stop"), Verdict.NO_SPEECH),
    ],
)
def test_what_becomes_of_a_clip(one: Label, verdict: Verdict) -> None:
    assert judge(one, Criteria()) is verdict


def test_teachers_that_agree_on_something_else_put_a_transcript_out() -> None:
    one = one_label("good morning sir", "good morning sir", transcript="peter likes ice skating")
    assert judge(one, Criteria()) is Verdict.CONTRADICTED


def test_an_accent_that_each_teacher_hears_otherwise_keeps_its_transcript() -> None:
    said = "peter likes ice skating"
    one = one_label("p t l x i s k t", "beat a lax eye skating", transcript=said)
    assert judge(one, Criteria()) is Verdict.KEPT


def test_words_of_ones_own_that_sound_the_same_keep_their_transcript() -> None:
    one = one_label("hay canine set", "hay canine set", transcript="hey k nine sit")
    assert judge(one, Criteria()) is Verdict.KEPT
    assert judge(one, Criteria(letters=0.2)) is Verdict.CONTRADICTED


def test_a_single_word_is_not_doubted() -> None:
    assert judge(one_label("that", "that", transcript="bed"), Criteria()) is Verdict.KEPT


def test_lists_hold_labels_and_exclusions_and_all_is_counted(tmp_path: Path) -> None:
    labels = [
        one_label("turn it on", "turn it on"),
        one_label("good morning", "good morning", transcript="peter likes skating"),
        one_label("stop", transcript="stop"),
    ]
    counts = write_lists(labels, Criteria(), tmp_path / "lists")
    assert (tmp_path / "lists" / "labels.tsv").read_text() == "id\ttext\nclip\tturn it on\n"
    assert (tmp_path / "lists" / "exclude.txt").read_text() == "clip\n"
    lines = table(counts).splitlines()
    assert len(lines) == 3
    assert lines[0].split() == ["set", "transcript", "kept", "1", "33.3%"]


def test_teachers_may_read_in_runs_of_their_own(tmp_path: Path) -> None:
    names = ("one", "other")
    for name, clips in zip(names, ((found(0), found(1)), (found(1), found(2))), strict=True):
        label(clips, lambda name=name: [Parrot(name, [f"{name} text"])], tmp_path / name)
    (joined,) = join_labels([tmp_path / name for name in names])
    assert joined.clip == "clip1"
    assert [(reading.teacher, reading.text) for reading in joined.readings] == [
        ("one", "one text"),
        ("other", "other text"),
    ]


def test_the_pseudo_label_is_the_preferred_teachers_text() -> None:
    sure, unsure = Reading("a", "turn it on", -0.1, 0.0), Reading("b", "turn it off", -0.5, 0.0)
    both = Label("clip", "set", 1.0, "", (sure, unsure))
    assert pseudo_label(both) == "turn it on"
    assert pseudo_label(both, "b") == "turn it off"
    assert pseudo_label(both, "who has not read it") == "turn it on"


def test_the_step_select_prints_the_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LabelFile(tmp_path / "labels.jsonl").add([one_label("turn it on", "turn it off")])
    words = ["select", "--labels", str(tmp_path / "labels.jsonl"), "--out", str(tmp_path)]
    assert main(words) == 0
    assert "left unlabelled: teachers disagree" in capsys.readouterr().out
    assert main([*words, "--agreement", "0.4"]) == 0
    assert "pseudo-labelled" in capsys.readouterr().out


def test_the_step_label_tells_what_is_wrong_with_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = str(tmp_path), str(tmp_path / "labels.jsonl")
    assert main(["label", "--data", folder, "--model", folder, "--out", out]) == 1
    assert "has no model.bin" in capsys.readouterr().err
