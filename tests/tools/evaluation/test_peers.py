"""Other recognisers on a real recording."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from auricle.errors import ArgumentError, ModelError
from auricle_train.data.corpus import Clip
from auricle_train.evaluation.peers import PocketSphinx, Whisper, load_peers
from auricle_train.evaluation.readings import Readings
from auricle_train.text.word_errors import compare


def test_pocketsphinx_reads_a_sentence(clips: dict[str, Clip]) -> None:
    clip = clips["must_sleep"]
    assert compare(clip.text, PocketSphinx().read(clip.samples)).errors <= 2


def test_what_a_peer_has_read_is_kept_for_the_next_run(
    clips: dict[str, Clip], tmp_path: Path
) -> None:
    class Counting:
        name = "counting"
        read_before = 0

        def read(self, samples: NDArray[np.int16]) -> str:
            self.read_before += 1
            return f"{self.read_before} of {len(samples)}"

    said, other = clips["must_sleep"].samples, clips["big_news"].samples
    peer = Counting()
    first = Readings(tmp_path / "read.jsonl").of(peer, said)
    again = Readings(tmp_path / "read.jsonl")
    assert again.of(peer, said) == first
    assert again.of(peer, other).text == f"2 of {len(other)}"
    assert peer.read_before == 2


@pytest.mark.parametrize("line", ['{"peer": "x"', '{"peer": "x"}', "[]"])
def test_a_damaged_file_of_readings_is_told_with_its_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "read.jsonl"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(ArgumentError, match=r"read\.jsonl:1: no reading of a peer"):
        Readings(path)


@pytest.mark.parametrize("package", ["faster_whisper", "pocketsphinx"])
def test_a_missing_peer_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    whisper = ["tiny.en"] if package == "faster_whisper" else []
    with pytest.raises(ModelError, match=f"package {package.replace('_', '-')} is missing"):
        load_peers(whisper)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be loaded .*model\.bin"):
        Whisper(str(tmp_path))
