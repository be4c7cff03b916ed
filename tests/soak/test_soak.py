"""A soak of a few minutes of audio through the real service with its six kinds of clients."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from soak.report import show, summary_of
from soak.run import Plan, soak

MINUTES = 3.0


@pytest.mark.timeout(600)
def test_minutes_of_audio_run_without_a_fault_and_are_summed_up() -> None:
    plan = Plan(hours=MINUTES / 60, speech=0.3, pace=100.0, interval=0.5, seed=1)
    outcome = soak(plan, lambda line: None)
    assert not outcome.faults, outcome.log
    assert outcome.samples[-1].report.audio_seconds >= MINUTES * 60
    assert outcome.counts["results with text"]
    for kind in ("clients that left", "names set", "sessions of a client", "property reads"):
        assert outcome.counts[kind], kind
    assert outcome.journal["ready"] == 1

    summary = summary_of(outcome, 0.1)
    output = io.StringIO()
    show(Console(file=output, width=100), outcome, summary)
    assert f"{summary.audio_hours:.2f} h of audio" in output.getvalue()
    assert "Faults: no entries" in output.getvalue()
