"""What a run shows on a terminal, and elsewhere."""

from __future__ import annotations

import pytest

from auricle_train.training.progress import Display

ROWS = [{"step": step, "elapsed": float(step), "heard_hours": 0.25, "ctc": 1.5}
        for step in range(1, 41)]  # fmt: skip


def test_elsewhere_a_line_tells_of_every_twentieth_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Display(minutes=1) as display:
        for row in ROWS:
            display.show(row)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["step 20  0.25 h heard  ctc 1.5", "step 40  0.25 h heard  ctc 1.5"]


def test_a_terminal_has_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Display(minutes=1) as display:
        display.show(ROWS[-1])
        display.tell("the disk is full")
    told = capsys.readouterr().out
    assert "step 40" in told
    assert "━" in told
    assert "the disk is full" in told


def test_processes_that_do_not_lead_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(minutes=1, shown=False) as display:
        display.show(ROWS[19])
        display.tell("the disk is full")
    assert capsys.readouterr().out == ""
