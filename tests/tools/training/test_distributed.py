"""Two processes learn what one does that hears the batches of both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from auricle_train.training.checkpoint import load_weights

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("joined_steps.py")


def start(folder: Path, *launcher: str) -> list[dict[str, Any]]:
    """Run the script; return the rows of its log."""
    folder.mkdir()
    path = f"{ROOT / 'tools'}:{ROOT / 'daemon'}"
    done = subprocess.run(
        [sys.executable, *launcher, str(SCRIPT), str(folder)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_two_processes_have_the_curve_of_one(tmp_path: Path) -> None:
    alone = start(tmp_path / "one")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    together = start(tmp_path / "two", *torchrun)
    assert "transducer" in alone[-1]
    for one, two in zip(alone, together, strict=True):
        assert {name: two[name] for name in one if name != "elapsed"} == pytest.approx(
            {name: one[name] for name in one if name != "elapsed"}, rel=0.01
        )
    weights = [load_weights(tmp_path / name / "checkpoint.pt") for name in ("one", "two")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=0.05, atol=0.01)
