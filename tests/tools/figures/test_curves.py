"""Curves of runs are kept in a few kilobytes, and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from figures.curves import LOOKS, POINTS, draw, keep, main, read, write

DEV = {"ctc": {"kathleen": 40.0, "ljspeech_subset": 50.0}}


def write_log(folder: Path, rows: list[dict[str, Any]]) -> Path:
    log = folder / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return log


def step(number: int, **losses: float) -> dict[str, Any]:
    return {"step": number, "elapsed": 36.0 * number, "heard_hours": number / 10,
            "rate": 0.001, "left_out": 1, **losses}  # fmt: skip


def look(number: int, dev: dict[str, dict[str, float]] | None = None) -> dict[str, Any]:
    return {"step": number, "elapsed": 36.0 * number, "heard_hours": number / 10, "dev": dev or DEV}


def test_a_long_log_becomes_a_small_file_with_means_of_stretches(tmp_path: Path) -> None:
    rows = [step(number, ctc=4.0 if number % 2 else 2.0) for number in range(1, 12_001)]
    rows += [look(number) for number in range(100, 12_001, 100)]
    curve = keep(write_log(tmp_path, rows), "run", "a test")
    assert len(curve.heard_hours) == POINTS
    assert curve.heard_hours[-1] == 1200.0
    assert curve.losses["ctc"][5] == pytest.approx(3.0, abs=0.05)
    assert set(curve.losses) == {"ctc"}
    assert len(curve.looks) == LOOKS
    assert (curve.looks[0].heard_hours, curve.looks[-1].heard_hours) == (10.0, 1200.0)
    assert curve.elapsed_hours == 120.0
    path = write(curve, tmp_path / "curves")
    assert path.stat().st_size < 8000
    assert read(path) == curve


def test_losses_that_were_not_computed_are_gaps(tmp_path: Path) -> None:
    rows = [step(1, ctc=3.0, transducer=0.0), step(2, ctc=2.0, transducer=1.5)]
    curve = keep(write_log(tmp_path, rows), "run", "")
    assert curve.losses == {"ctc": [3.0, 2.0], "transducer": [None, 1.5]}


def test_the_commands_keep_and_draw_all_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path, [step(1, ctc=3.0), look(1), step(2, ctc=1.0), look(2)])
    folder = ["--curves", str(tmp_path / "curves")]
    for name in ("one", "two"):
        assert main([*folder, "keep", str(log), "--name", name, "--about", "x"]) == 0
    assert main([*folder, "draw"]) == 0
    assert capsys.readouterr().out.endswith("curves.png: one, two\n")
    assert (tmp_path / "curves" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_looks_is_drawn_beside_one_with_them(tmp_path: Path) -> None:
    bare = keep(write_log(tmp_path, [step(1, ctc=3.0)]), "bare", "")
    rich = keep(write_log(tmp_path, [step(1, pruned=3.0), look(1)]), "rich", "")
    draw([bare, rich], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_what_is_no_log_and_no_curve_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--curves", str(tmp_path)]
    assert main([*folder, "draw"]) == 1
    assert "has none; `figures.curves keep`" in capsys.readouterr().err
    assert main([*folder, "keep", str(write_log(tmp_path, [look(1)])), "--name", "a"]) == 1
    assert "has no losses" in capsys.readouterr().err
    (tmp_path / "a.json").write_text("[]")
    assert main([*folder, "draw"]) == 1
    assert "a.json is not a curve" in capsys.readouterr().err
