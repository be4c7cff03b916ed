"""The steps of the training as commands, on a corpus of a few real recordings."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from auricle_train.data.corpus import BACKGROUND, REAL_DEV, SPEECH, read_set
from auricle_train.training.run import PREFIXES, Recordings
from testbed.recordings import Recording
from testbed.small_training import write_whisper

ROOT = Path(__file__).parents[2]
COLUMNS = ("id", "seconds", "speaker", "language", "text", "split", "licence")


def write_set(folder: Path, name: str, rows: list[dict[str, str]], path: Path) -> None:
    with tarfile.open(folder / f"{name}.tar", "w") as tar:
        for row in rows:
            tar.add(path, f"{row['id']}.opus")
    with (folder / f"{name}.tsv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, COLUMNS, delimiter="\t", quoting=csv.QUOTE_NONE)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def corpus(tmp_path: Path, recordings: dict[str, Recording]) -> Path:
    """Every set with one dev clip, one train clip, and one that may not be used."""
    said = recordings["must_sleep"]
    for name in {*SPEECH, *PREFIXES, *BACKGROUND, *REAL_DEV}:
        common = {"seconds": "1.89", "speaker": "k", "language": "en", "text": said.text}
        rows = [
            {"id": "one", "split": "dev", "licence": "CC0-1.0", **common},
            {"id": "two", "split": "train", "licence": "CC0-1.0", **common},
            {"id": "three", "split": "train", "licence": "CC BY-SA 4.0", **common},
        ]
        write_set(tmp_path, name, rows, said.path)
    (tmp_path / "text").mkdir()
    words = ["light", "kitchen", "music", "timer", "weather", "call", "window", "garden"]
    lines = [f"tmpl\tturn the {one} to the {other}" for one in words for other in words]
    (tmp_path / "text" / "texts.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def run_step(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{ROOT / 'tools'}:{ROOT / 'daemon'}"
    return subprocess.run(
        [sys.executable, "-m", "auricle_train", *arguments],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def command(*arguments: str) -> str:
    done = run_step(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def failure(*arguments: str) -> str:
    done = run_step(*arguments)
    assert done.returncode == 1, done.stderr
    return done.stderr


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.05)


def test_a_run_that_is_stopped_and_killed_goes_on_in_two_processes(corpus: Path) -> None:
    """It takes the vocabulary that a small Whisper has, and its sizes."""
    whisper, run = write_whisper(corpus), corpus / "run"
    pieces, tokens = corpus / "pieces.txt", corpus / "tokens.txt"
    command("pieces", "--data", str(corpus), "--whisper", str(whisper), "--size", "30",
            "--out", str(pieces))  # fmt: skip
    tokens.write_text("<blank>\t0\n" + "".join(f"▁{a}\t-1\n" for a in "abcdefg"), "utf-8")
    written = corpus / "written.tsv"
    command("write", "--data", str(corpus), "--sets", "kathleen", "--whisper", str(whisper),
            "--out", str(written))  # fmt: skip
    assert written.read_text(encoding="utf-8").startswith("two\t")
    wrong = corpus / "exclude.txt"
    wrong.write_text("no-such-clip\n", encoding="utf-8")
    step = ["-m", "auricle_train", "train", "--data", str(corpus), "--whisper", str(whisper),
            "--vocabulary", str(tokens), "--pieces", str(pieces), "--out", str(run),
            "--exclude", str(wrong), "--written", str(written), "--save-seconds", "0",
            "--threads", "1"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'tools'}:{ROOT / 'daemon'}"}
    for number, status in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        (run / "checkpoint.pt").unlink(missing_ok=True)
        with subprocess.Popen([sys.executable, *step], env=environment) as process:
            wait_for(run / "checkpoint.pt", process)
            process.send_signal(number)
            assert process.wait() == status
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                "2", *step, "--minutes", "0.0001"]  # fmt: skip
    subprocess.run(torchrun, env=environment, check=True, capture_output=True)
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [*range(1, len(rows) + 1)]


def test_clips_that_may_not_be_shipped_are_left_out(corpus: Path) -> None:
    assert [clip.name for clip in read_set(corpus, "kathleen", "train")] == ["two"]


def test_clips_with_wrong_texts_are_left_out_and_those_without_take_the_teachers(
    corpus: Path, recordings: dict[str, Recording]
) -> None:
    rows = [
        {"id": name, "seconds": "1.89", "speaker": "k", "language": "en", "text": text,
         "split": "train", "licence": "CC0-1.0"}
        for name, text in (("right", "it is"), ("wrong", "it was"), ("read", ""), ("mute", ""))
    ]  # fmt: skip
    write_set(corpus, "kathleen", rows, recordings["must_sleep"].path)
    (corpus / "labels.tsv").write_text("id\ttext\nread\tit will be\n", encoding="utf-8")
    (corpus / "exclude.txt").write_text("wrong\n", encoding="utf-8")
    (corpus / "written.tsv").write_text("right\tIt is.\n", encoding="utf-8")
    heard = Recordings(
        corpus, (), corpus / "labels.tsv", corpus / "written.tsv", corpus / "exclude.txt"
    ).speech()
    texts = {clip.name: clip.text for clip in heard if clip.name != "two"}
    assert texts == {"right": "it is", "read": "it will be"}
    assert {clip.written for clip in heard if clip.name in texts} == {"It is.", ""}


def test_the_vocabulary_is_learned_from_a_corpus(corpus: Path) -> None:
    command("vocabulary", "--data", str(corpus), "--size", "30", "--out", str(corpus / "tokens"))
    assert len((corpus / "tokens").read_text(encoding="utf-8").splitlines()) == 30


def test_the_evaluation_prints_and_writes_a_row_a_set_the_latency_and_the_speed(
    corpus: Path,
) -> None:
    told = command("evaluate", "--data", str(corpus), "--out", str(corpus / "found.md"))
    for name in REAL_DEV:
        assert f"| {name} | 1 | 5 |" in told
    assert "| final, after the end of speech |" in told
    assert f"| cut off before the end of speech | 0 of {len(REAL_DEV)}" in told
    assert "real-time factor" in told
    assert (corpus / "found.md").read_text(encoding="utf-8") == told


def test_an_evaluation_in_noise_needs_other_speakers_for_the_babble(corpus: Path) -> None:
    told = failure("evaluate", "--data", str(corpus), "--noise", "1")
    assert "the dev split has no voices of other speakers" in told
