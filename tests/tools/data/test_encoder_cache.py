"""The cache of encoder frames: what it holds, what it refuses, and what a full disk leaves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.errors import ModelError, StorageError
from auricle.features import LogMel
from auricle_train.data import encoder_cache
from auricle_train.data.encoder_cache import (
    SEARCH_FRAME,
    FrozenEncoder,
    Sound,
    digest_of,
    read_cache,
    write_shard,
)
from auricle_train.models.transducer import STRIDE
from testbed.small_training import make_objective, tone


def sounds(*seconds: float) -> list[Sound]:
    return [
        Sound(LogMel().whole(tone(300 * number, "", length).samples / np.float32(32768)),
              f"word {number}", skipped=16 * (number - 1), source="tones")
        for number, length in enumerate(seconds, start=1)
    ]  # fmt: skip


def make_encoder(*streams: str) -> FrozenEncoder:
    return FrozenEncoder(make_objective().model.eval(), streams or ("encoder",))


def test_what_is_read_is_what_the_chunked_encoder_gives(tmp_path: Path) -> None:
    encoder, group = make_encoder(), sounds(0.5, 0.73)
    assert write_shard(tmp_path, "00000", [group], encoder) == 2
    found = read_cache(tmp_path, wanted=encoder.digest)
    assert [(one.text, one.skipped, one.source) for one in found] == [
        ("word 1", 0, "tones"), ("word 2", 2, "tones"),
    ]  # fmt: skip
    for one, sound in zip(found, group, strict=True):
        alone = make_encoder().encode([sound])[0]
        assert one.search_frames == -(-len(sound.features) // (STRIDE * SEARCH_FRAME))
        np.testing.assert_allclose(
            one.frames.astype(np.float32), alone.astype(np.float32), atol=0.05
        )


def test_streams_lie_side_by_side(tmp_path: Path) -> None:
    both = make_encoder("trunk", "encoder")
    write_shard(tmp_path, "a", [sounds(0.5)], both)
    assert digest_of(tmp_path) == both.digest
    alone = make_encoder("encoder").encode(sounds(0.5))[0].astype(np.float32)
    (found,) = read_cache(tmp_path, ("encoder",))
    np.testing.assert_allclose(found.stacked(), alone.reshape(found.search_frames, -1), atol=0.05)
    (swapped,) = read_cache(tmp_path, ("encoder", "trunk"))
    rows = swapped.stacked().reshape(len(alone), 2, -1)
    np.testing.assert_allclose(rows[:, 0], alone, atol=0.05)
    with pytest.raises(ModelError, match=r"wanted \['branch'\]"):
        read_cache(tmp_path, ("branch",))


def test_weights_are_rounded_as_the_device_has_them() -> None:
    encoder = make_encoder()
    weight = encoder._encoder.blocks[0].up.weight
    scale = weight.abs().amax(1, keepdim=True) / 127
    torch.testing.assert_close((weight / scale).round() * scale, weight, rtol=0, atol=1e-6)
    assert len(torch.unique((weight[0] / scale[0]).round())) > 10


def test_a_cache_of_another_encoder_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path, "a", [sounds(0.5)], make_encoder())
    with pytest.raises(ModelError, match="of encoder .*, wanted .*: run `cache-encoder` again"):
        read_cache(tmp_path, wanted="0" * 64)


def test_shards_of_different_encoders_are_refused(tmp_path: Path) -> None:
    write_shard(tmp_path, "a", [sounds(0.5)], make_encoder())
    other = make_objective().model.eval()
    with torch.no_grad():
        other.encoder.blocks[0].up.weight += 1.0
    write_shard(tmp_path, "b", [sounds(0.5)], FrozenEncoder(other, ("encoder",)))
    with pytest.raises(ModelError, match=r"b\.json: holds"):
        read_cache(tmp_path)


def test_a_killed_run_leaves_whole_shards_only(tmp_path: Path) -> None:
    def killed() -> list[Sound]:
        yield sounds(0.5)
        raise KeyboardInterrupt

    write_shard(tmp_path, "a", [sounds(0.5)], make_encoder())
    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path, "b", killed(), make_encoder())
    assert len(read_cache(tmp_path)) == 1


def test_a_full_disk_leaves_nothing_of_the_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_shard(tmp_path, "a", [sounds(0.5)], make_encoder())
    monkeypatch.setattr(encoder_cache.os, "replace", full)
    with pytest.raises(StorageError, match="shard b not written: .*No space left"):
        write_shard(tmp_path, "b", [sounds(0.5)], make_encoder())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.f16", "a.json"]


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"format": 99})])
def test_a_damaged_index_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ModelError, match=r"a\.json: "):
        read_cache(tmp_path)


def test_a_torn_shard_is_told(tmp_path: Path) -> None:
    write_shard(tmp_path, "a", [sounds(0.5)], make_encoder())
    content = (tmp_path / "a.f16").read_bytes()
    (tmp_path / "a.f16").write_bytes(content[:-2])
    with pytest.raises(ModelError, match="size does not match its index"):
        read_cache(tmp_path)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no complete shard: run `cache-encoder` first"):
        read_cache(tmp_path)


def test_a_stream_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match="no `branch`"):
        make_encoder("branch")
