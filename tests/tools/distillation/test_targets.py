"""A teacher's frames on disk: whole, resumed, and never of another teacher."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.errors import ModelError, StorageError
from auricle.features import LogMel
from auricle_train.data.corpus import Clip
from auricle_train.distillation import targets
from auricle_train.distillation.targets import Index, Targets, plan, prepare, write_targets
from auricle_train.distillation.teacher_encoder import load_teacher_encoder
from auricle_train.models.dimensions import Shape
from auricle_train.models.transducer import Encoder

SHAPE = Shape(layers=1, width=32, heads=2, hidden=64, positions=150)


@pytest.fixture
def clips() -> list[Clip]:
    noise = np.random.default_rng(0).integers(-3000, 3000, 64000).astype(np.int16)
    lengths = {"a": 8000, "b": 16123, "long": 64000, "c": 31999, "empty": 0}
    return [Clip(name, noise[:length], "", "") for name, length in lengths.items()]


def encoder(seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    return Encoder(SHAPE).eval()


def write(clips: list[Clip], folder: Path, teacher: Encoder) -> Index:
    index = plan(clips, teacher)
    prepare(index, folder)
    list(write_targets(clips, teacher, index, folder))
    return index


def test_frames_come_back_as_the_encoder_gives_them(tmp_path: Path, clips: list[Clip]) -> None:
    teacher = encoder()
    write(clips, tmp_path, teacher)
    read = Targets(tmp_path)
    assert sorted(read) == ["a", "b", "c"]  # no frame, or more than the encoder has positions for
    for clip in (clip for clip in clips if clip.name in read):
        features = torch.from_numpy(LogMel().whole(clip.samples))[None]
        with torch.no_grad():
            expected = teacher(features[:, : features.shape[1] // 2 * 2], chunked=False)[0]
        assert read[clip.name].dtype == np.float16
        np.testing.assert_allclose(read[clip.name], expected, atol=5e-3)


def test_a_killed_run_goes_on_after_its_last_whole_shard(
    tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "SHARD_FRAMES", 100)
    teacher = encoder()
    index = plan(clips, teacher)
    assert [place[0] for place in index.places.values()] == [0, 0, 1]
    prepare(index, tmp_path)
    running = write_targets(clips, teacher, index, tmp_path)
    assert [next(running), next(running), next(running)] == [25, 50, 99]
    running.close()
    with pytest.raises(StorageError, match="1 of 2 shards are missing"):
        Targets(tmp_path)
    before = (tmp_path / "00000.npy").stat().st_mtime_ns
    assert write(clips, tmp_path, teacher) == index
    assert (tmp_path / "00000.npy").stat().st_mtime_ns == before
    assert len(Targets(tmp_path)["c"]) == 99


def test_another_teacher_needs_another_folder(tmp_path: Path, clips: list[Clip]) -> None:
    write(clips, tmp_path, encoder())
    with pytest.raises(StorageError, match="of another teacher: name another folder"):
        write(clips, tmp_path, encoder(seed=1))


def test_a_disk_without_room_is_told_before_the_work(tmp_path: Path) -> None:
    endless = Index("teacher", 384, {"clip": (0, 0, 10**15)})
    with pytest.raises(StorageError, match="GB more, the disk has"):
        prepare(endless, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_targets_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="write them with the step `targets`"):
        Targets(tmp_path)


def test_a_file_that_is_no_whisper_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\0" * 100)
    with pytest.raises(ModelError, match="name a Whisper model"):
        load_teacher_encoder(tmp_path / "model.bin")
