"""Curves of runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from auricle.errors import ArgumentError
from auricle_train.training.plot import plot, read_curves, smooth


def write_log(folder: Path, name: str, losses: list[dict[str, float | None]]) -> Path:
    (folder / name).mkdir()
    log = folder / name / "log.jsonl"
    rows = [{"step": step, "heard_hours": step / 100, **row} for step, row in enumerate(losses)]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return log


def test_a_point_is_the_mean_of_those_before_it() -> None:
    np.testing.assert_allclose(smooth(np.array([4.0, 2.0, 0.0, 8.0]), 3), [4.0, 3.0, 2.0, 10 / 3])


def test_steps_without_a_loss_or_not_finite_are_left_out(tmp_path: Path) -> None:
    log = write_log(tmp_path, "run", [{"ctc": 3.0}, {"ctc": None}, {"ctc": 1.0, "distance": 0.5}])
    curves = read_curves(log, span=1)
    np.testing.assert_allclose(curves["ctc"], ([0.0, 0.02], [3.0, 1.0]))
    np.testing.assert_allclose(curves["distance"], ([0.02], [0.5]))


def test_several_runs_come_into_one_picture(tmp_path: Path) -> None:
    logs = [write_log(tmp_path, "one", [{"ctc": 3.0, "distance": 0.4}] * 5),
            write_log(tmp_path, "other", [{"ctc": 2.0}] * 3)]  # fmt: skip
    plot(logs, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_log_of_something_else_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"volume": 3}\nno JSON\n', encoding="utf-8")
    with pytest.raises(ArgumentError, match="has no losses"):
        plot([log], tmp_path / "curve.png")
