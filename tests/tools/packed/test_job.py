"""A packed job trains from its folder alone, in legs; a damaged one is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from auricle.errors import ModelError
from auricle_train.__main__ import main
from auricle_train.data.corpus import BACKGROUND
from auricle_train.data.encoder_cache import FrozenEncoder, Sound
from auricle_train.packed.job import checked
from auricle_train.packed.live import LiveSounds, encoded_batch, live_batches
from auricle_train.top.training import load_top
from auricle_train.training import checkpoint
from auricle_train.training.run import PREFIXES
from testbed.small_corpus import write_set
from testbed.small_top import make_encoder, write_top, write_vocabulary
from testbed.small_training import SHAPE, TOKENIZER, make_batches, make_objective, tone


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The words of `pack-gpu-job` for a tiny corpus."""
    data = tmp_path / "data"
    texts = ("lo", "hi", "lo hi", "hi lo", "lo lo", "hi hi lo")
    write_set(data, "kathleen", [
        *((f"{number}", text, "train", "CC0-1.0") for number, text in enumerate(texts)),
        *((f"dev{number}", text, "dev", "CC0-1.0") for number, text in enumerate(texts)),
        ("forbidden", "hi", "train", "CC BY-SA 4.0"),
    ])  # fmt: skip
    for name in (*PREFIXES, *BACKGROUND):
        write_set(data, name, [("one", "", "train", "CC0-1.0")])
    recogniser = tmp_path / "recogniser.pt"
    checkpoint.write(recogniser, {"shape": SHAPE.as_dict(),
                                  "model": make_objective().model.state_dict()})  # fmt: skip
    write_top(tmp_path / "top.pt", make_encoder().digest)
    return [
        "pack-gpu-job", "--data", str(data), "--sets", "kathleen", "--dev-sets", "kathleen",
        "--dev-clips", "3", "--checkpoint", str(recogniser), "--top", str(tmp_path / "top.pt"),
        "--vocabulary", str(write_vocabulary(tmp_path / "tokens.txt")), "--rooms", "1",
        "--out", str(tmp_path / "job"),
    ]  # fmt: skip


def leg(folder: Path, *options: str) -> list[dict[str, Any]]:
    """Run the job's script on this machine; return the rows of the log."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PYTHON": sys.executable, "OUT": str(folder / "out"), "WORKERS": "1",
                    "SCRATCH": str(folder / "scratch"), "MINUTES": "5"}  # fmt: skip
    done = subprocess.run(
        [str(folder / "job" / "run.sh"), "--batch-seconds", "8", "--dropout", "0", *options],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = (folder / "out" / "log.jsonl").read_text().splitlines()
    return [json.loads(row) for row in rows]


@pytest.mark.timeout(400)
def test_a_job_trains_in_legs_from_its_folder_alone(tmp_path: Path, words: list[str]) -> None:
    assert main(words) == 0
    about = checked(tmp_path / "job")
    assert about["clips"] == {"speech": 6, "dev": 3, "prefix": 2, "background": 2}
    for path in [Path(word) for word in words if word.startswith(str(tmp_path))][:-1]:
        if path.is_file():
            path.unlink()
    first = leg(tmp_path, "--hours", "0.01")
    assert not (tmp_path / "out" / "checkpoint.pt").exists()
    store = tmp_path / "scratch" / "store"
    again = ["train-live", "--job", str(tmp_path / "job"), "--out", str(tmp_path / "out"),
             "--store", str(store), "--workers", "0", "--device", "cpu", "--batch-seconds", "8",
             "--hours", "0.02"]  # fmt: skip
    assert main(again) == 0
    rows = (tmp_path / "out" / "log.jsonl").read_text().splitlines()
    second = [json.loads(row) for row in rows]
    assert second[: len(first)] == first
    assert second[-1]["heard_hours"] >= 0.02
    assert set(second[-1]["dev"]["ctc"]) == {"kathleen"}
    assert "ready after" in (tmp_path / "out" / "leg.log").read_text()
    trained = str(tmp_path / "trained.pt")
    assert main(["join-checkpoint", "--parts", str(tmp_path / "out"), "--out", trained]) == 0
    _, saved = load_top(tmp_path / "trained.pt")
    assert saved["step"] == second[-1]["step"]
    assert saved["digest"] == about["encoder"]


def test_a_leg_ends_in_time(tmp_path: Path, words: list[str]) -> None:
    assert main(words) == 0
    train = ["train-live", "--job", str(tmp_path / "job"), "--store", str(tmp_path / "store"),
             "--out", str(tmp_path / "out"), "--workers", "0", "--minutes", "0.05",
             "--batch-seconds", "4", "--device", "cpu"]  # fmt: skip
    assert main(train) == 0
    (row,) = [json.loads(row) for row in (tmp_path / "out" / "log.jsonl").read_text().splitlines()
              if "dev" in row]  # fmt: skip
    assert 0 < row["heard_hours"] < 100


def test_a_job_that_is_not_whole_is_refused(tmp_path: Path, words: list[str]) -> None:
    assert main(words) == 0
    (tar,) = (tmp_path / "job" / "audio").glob("speech-*.tar")
    content = bytearray(tar.read_bytes())
    content[1000] ^= 1
    tar.write_bytes(content)
    with pytest.raises(ModelError, match=r"speech-000\.tar: missing or damaged: copy the job"):
        checked(tmp_path / "job")
    (tmp_path / "job" / "job.json").write_text("{}")
    with pytest.raises(ModelError, match="not a packed job"):
        checked(tmp_path / "job")


def test_a_top_of_another_encoder_is_not_packed(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_top(tmp_path / "top.pt", "0" * 64)
    assert main(words) == 1
    assert "trained on encoder 000000000000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [("--shard-megabytes", "61", "is not 1 to 60"), ("--out", "{data}", "is not empty")],
)
def test_impossible_options_are_told(
    words: list[str], capsys: pytest.CaptureFixture[str], option: str, value: str, message: str
) -> None:
    data = words[words.index("--data") + 1]
    assert main([*words, option, value.format(data=data)]) == 1
    assert message in capsys.readouterr().err


def test_live_batches_are_what_the_cache_would_hold() -> None:
    encoder = make_encoder()
    batch = next(iter(make_batches(seconds=6, taught=0.0)))
    kept = torch.arange(len(batch.frames))[::2]
    live = encoded_batch(batch, kept, encoder)
    for row, number in enumerate(kept.tolist()):
        count = int(batch.frames[number]) * 4
        sound = Sound(batch.features[number, :count].numpy(), "")
        frames = torch.from_numpy(encoder.encode([sound])[0]).float()
        expected = frames.view(len(frames) // 4, -1)
        assert int(live.frames[row]) == len(expected)
        torch.testing.assert_close(
            live.stacked[row, : len(expected)], expected, rtol=0.02, atol=0.05
        )
        assert not live.stacked[row, len(expected) :].any()
        assert int(live.skipped[row]) == int(batch.skipped[number]) // 2
        length = int(live.tokens[row])
        assert live.targets[row, :length].tolist() == batch.targets[number, :length].tolist()


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
def test_workers_hear_streams_of_their_own() -> None:
    sounds = LiveSounds([tone(300, "lo"), tone(2500, "hi")], [tone(900, "wake")],
                        [tone(60, "")])  # fmt: skip
    encoder = FrozenEncoder(make_objective().model.eval(), ("encoder",))

    def first(workers: int, count: int) -> Iterator[float]:
        stream = live_batches(sounds, TOKENIZER, encoder, 4.0, (1, 0), workers)
        return iter([round(float(next(stream).stacked.sum()), 2) for _ in range(count)])

    (alone,) = first(0, 1)
    assert alone == next(first(0, 1))
    assert len(set(first(2, 2))) == 2
