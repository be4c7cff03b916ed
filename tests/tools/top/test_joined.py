"""Two processes train the top as one does that hears the batches of both, and stop together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from auricle.errors import ArgumentError
from auricle_train.data.encoder_cache import read_cache
from auricle_train.top.data import TopBatches, examples_of
from auricle_train.training import checkpoint
from testbed.small_top import make_top, write_cache, write_top, write_vocabulary

from testbed.small_training import TOKENIZER  # isort: skip

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("joined_top_steps.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def start(*words: str) -> subprocess.Popen[bytes]:
    path = f"{ROOT / 'tools'}:{ROOT / 'daemon'}"
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *words], env=environment)


@pytest.mark.timeout(300)
def test_two_processes_learn_what_one_does_that_hears_both(tmp_path: Path) -> None:
    write_cache(tmp_path / "cache")
    runs = [
        start(*launcher, str(SCRIPT), str(tmp_path / name), str(tmp_path / "cache"))
        for name, launcher in (("one", ()), ("two", TORCHRUN))
    ]
    assert [run.wait() for run in runs] == [0, 0]
    one, two = (checkpoint.read(tmp_path / name / "checkpoint.pt") for name in ("one", "two"))
    assert (one["step"], one["heard"]) == (two["step"], pytest.approx(two["heard"]))
    rows = [
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    ]
    losses = [next(row for row in part if row.get("transducer")) for part in rows]
    for name in ("ctc", "simple", "transducer"):
        assert losses[1][name] == pytest.approx(losses[0][name], rel=0.01)
    for name, value in one["model"].items():
        torch.testing.assert_close(two["model"][name], value, rtol=0.05, atol=0.01)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", ["train-top", "train-mwer"])
def test_a_signal_to_one_process_stops_both_with_a_checkpoint(tmp_path: Path, step: str) -> None:
    digest = write_cache(tmp_path / "cache")
    vocabulary = str(write_vocabulary(tmp_path / "tokens.txt"))
    words = ["--cache", str(tmp_path / "cache"), "--dev", str(tmp_path / "cache"), "--hours",
             "1000", "--vocabulary", vocabulary, "--out", str(tmp_path / "run")]  # fmt: skip
    if step == "train-mwer":
        write_top(tmp_path / "start.pt", digest, make_top(3, scale=3.0))
        begun = ["--cache", str(tmp_path / "cache"), "--vocabulary", vocabulary]
        decode = start("-m", "auricle_train", "decode-nbest", *begun, "--checkpoint",
                       str(tmp_path / "start.pt"), "--out", str(tmp_path / "lists"))  # fmt: skip
        assert decode.wait() == 0
        words += ["--start", str(tmp_path / "start.pt"), "--lists", str(tmp_path / "lists"),
                  "--refresh-hours", "0.02"]  # fmt: skip
    else:
        words += ["--layers", "1", "--ctc-hours", "0.001"]
    run = start(*TORCHRUN, "-m", "--", "auricle_train", step, *words)
    killer = threading.Timer(250.0, run.kill)
    killer.start()
    log = tmp_path / "run" / "log.jsonl"
    while run.poll() is None and not (log.exists() and log.read_text()):
        time.sleep(0.1)
    run.send_signal(signal.SIGTERM)  # torchrun hands it on to its processes, one after another
    run.wait()
    killer.cancel()
    # torchrun's own status tells of the signal; what counts is that the run ended in good order.
    saved = checkpoint.read(tmp_path / "run" / "checkpoint.pt")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert saved["step"] >= 25
    assert saved["step"] == rows[-1]["step"]
    assert "dev" in rows[-1]


def test_processes_hear_utterances_of_their_own(tmp_path: Path) -> None:
    write_cache(tmp_path / "cache", shards=1)
    examples = examples_of(read_cache(tmp_path / "cache"), TOKENIZER)[:5]
    heard = [
        sum(len(batch.tokens) for batch in TopBatches(examples, 3.0, 1, share=(rank, 2)).epoch())
        for rank in range(2)
    ]
    assert heard == [3, 2]
    with pytest.raises(ArgumentError, match="5 utterances for 6 processes: start fewer"):
        TopBatches(examples, 3.0, 1, share=(0, 6))
