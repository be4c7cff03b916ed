"""The store of decoded samples gives what decoding gives, and notices what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from auricle_train.data.audio_cache import stored
from auricle_train.data.corpus import Clip

CLIPS = [
    Clip("one", np.arange(-50, 50, dtype=np.int16), "hello", "k"),
    Clip("two", np.arange(7, dtype=np.int16) * 4000, "", ""),
]


class Reader:
    """Counts how often it is asked."""

    def __init__(self, clips: list[Clip]) -> None:
        self.clips, self.asked = clips, 0

    def __call__(self) -> Iterator[Clip]:
        self.asked += 1
        yield from self.clips


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "mine.tar"
    path.write_bytes(b"one")
    return path


def same(found: list[Clip], expected: list[Clip]) -> bool:
    return all(
        np.array_equal(one.samples, other.samples)
        and (one.name, one.text, one.speaker) == (other.name, other.text, other.speaker)
        for one, other in zip(found, expected, strict=True)
    )


def test_clips_are_decoded_once(tmp_path: Path, source: Path) -> None:
    read = Reader(CLIPS)
    for _ in range(3):
        found = stored(tmp_path / "store", "mine-train", [source], read)
        assert same(found, CLIPS)
        assert found[0].samples.dtype == np.int16
    assert read.asked == 1


def test_a_source_that_has_changed_is_decoded_again(tmp_path: Path, source: Path) -> None:
    store = tmp_path / "store"
    stored(store, "mine-train", [source], Reader(CLIPS))
    stored(store, "mine-dev", [source], Reader(CLIPS[:1]))
    source.write_bytes(b"other")
    assert same(stored(store, "mine-train", [source], Reader(CLIPS[1:])), CLIPS[1:])
    assert len(list(store.glob("mine-train-*"))) == 2
    assert len(list(store.glob("mine-dev-*"))) == 2


def test_decoding_that_was_interrupted_leaves_nothing_half(tmp_path: Path, source: Path) -> None:
    def interrupted() -> Iterator[Clip]:
        yield CLIPS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stored(tmp_path / "store", "mine", [source], interrupted)
    assert not list((tmp_path / "store").iterdir())
    assert same(stored(tmp_path / "store", "mine", [source], Reader(CLIPS)), CLIPS)


def test_a_split_without_clips_is_empty(tmp_path: Path, source: Path) -> None:
    assert stored(tmp_path / "store", "mine", [source], Reader([])) == []
