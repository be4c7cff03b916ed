"""Opus shards hold what may be trained on, are small, and come back as the clips they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.errors import ArgumentError
from auricle_train.data.corpus import read_set
from auricle_train.data.layouts.utterance import Utterance
from auricle_train.data.lhotse_manifests import write_manifest
from auricle_train.packed import shards
from testbed.recordings import Recording
from testbed.small_corpus import write_set

LINES = [
    *((f"clip{number}", "lo hi", "train", "CC0-1.0") for number in range(6)),
    ("dev", "hi", "dev", "CC0-1.0"),
    ("forbidden", "hi", "train", "CC BY-SA 4.0"),
]


def test_shards_hold_the_clips_of_a_set(tmp_path: Path) -> None:
    write_set(tmp_path, "kathleen", LINES)
    tars = shards.write_shards(
        tmp_path / "job", "speech", shards.of_set(tmp_path, "kathleen", "train", {}), most=24_000
    )
    assert len(tars) > 1
    assert all(tar.stat().st_size <= 24_000 for tar in tars)
    found = shards.decoded(tars, tmp_path / "store", workers=2)
    expected = list(read_set(tmp_path, "kathleen", "train"))
    assert [clip.name for clip in found] == [clip.name for clip in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.text, one.speaker) == (other.text, other.speaker)
        np.testing.assert_array_equal(one.samples, other.samples)


def test_what_was_decoded_is_not_decoded_again(tmp_path: Path) -> None:
    write_set(tmp_path, "kathleen", LINES)
    tars = shards.write_shards(
        tmp_path / "job", "speech", shards.of_set(tmp_path, "kathleen", "train", {})
    )
    shards.decoded(tars, tmp_path / "store", workers=0)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").iterdir()}
    shards.decoded(tars, tmp_path / "store", workers=0)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "store").iterdir()}


def test_clips_get_labels_and_can_be_left_out(tmp_path: Path) -> None:
    write_set(tmp_path, "untold", [("one", "", "train", "CC0-1.0"), ("two", "", "train", "CC0-1.0"),
                                   ("three", "hi", "train", "CC0-1.0")])  # fmt: skip
    clips = shards.of_set(tmp_path, "untold", "train", {"one": "lo"})
    kept = list(shards.wanted(clips, {"three"}))
    assert [(row.id, row.text) for row, _ in kept] == [("one", "lo")]


def test_a_manifest_gives_opus_as_it_is_and_makes_it_of_others(
    tmp_path: Path, recordings: dict[str, Recording]
) -> None:
    said = recordings["must_sleep"]
    samples, rate = soundfile.read(said.path, dtype="int16")
    waveform = tmp_path / "b.wav"
    soundfile.write(waveform, samples, rate)
    utterances = [
        Utterance(name, path, said.text, "s", "train", licence)
        for name, path, licence in (
            ("a", said.path, "CC0-1.0"),
            ("b", waveform, "CC0-1.0"),
            ("c", said.path, "CC BY-NC 4.0"),
        )
    ]  # fmt: skip
    manifest = tmp_path / "all.jsonl.gz"
    write_manifest(utterances, manifest, any_licence=True)
    found = dict(shards.of_manifest(manifest, "train"))
    assert [row.id for row in found] == ["a", "b"]
    contents = list(found.values())
    assert contents[0] == said.path.read_bytes()
    assert contents[1] != waveform.read_bytes()
    tars = shards.write_shards(tmp_path / "job", "speech", found.items())
    both = list(shards.read_shard(tars[0]))
    assert len(both[0].samples) == len(both[1].samples) == len(samples)
    assert np.corrcoef(both[0].samples, both[1].samples)[0, 1] > 0.9


def test_a_clip_that_is_too_large_is_told(tmp_path: Path) -> None:
    write_set(tmp_path, "kathleen", LINES)
    clips = shards.of_set(tmp_path, "kathleen", "train", {})
    with pytest.raises(ArgumentError, match="clip0: .* bytes, a shard has 11000: allow more"):
        shards.write_shards(tmp_path / "job", "speech", clips, most=11_000)
