"""Sums up a soak: slopes per hour of audio, counts, faults; as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from soak.run import Outcome, Plan, Sample
from soak.slopes import FEWEST_SAMPLES, Slope, slope_of

GROWN_TYPES = 8  # types shown that grew most

MEASURES: dict[str, Callable[[Sample], float]] = {
    "resident memory, MB": lambda sample: sample.cost.rss,
    "proportional memory, MB": lambda sample: sample.cost.pss,
    "file descriptors": lambda sample: sample.cost.descriptors,
    "threads": lambda sample: sample.cost.threads,
    "objects": lambda sample: sample.report.objects,
    "memory blocks": lambda sample: sample.report.blocks,
}


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a soak."""

    audio_hours: float
    minutes: float  # of wall-clock time
    cpu_share: float  # processor seconds of the daemon per second of audio
    warm_up_hours: float  # of audio, left out of the slopes
    samples: int  # after the warm-up
    peak_mb: float
    slopes: dict[str, Slope]  # per hour of audio; empty if there are too few samples
    grown: dict[str, int]  # types of objects: growth from the end of the warm-up


def summary_of(outcome: Outcome, warm_up: float) -> Summary:
    """Return the figures; `warm_up` is the first share of the audio that the slopes leave out."""
    if not outcome.samples:
        return Summary(0.0, 0.0, 0.0, 0.0, 0, 0.0, {}, {})
    last = outcome.samples[-1]
    audio = last.report.audio_seconds
    kept = [s for s in outcome.samples if s.report.audio_seconds >= warm_up * audio]
    hours = np.array([sample.report.audio_seconds / 3600 for sample in kept])
    slopes = {}
    if len(kept) >= FEWEST_SAMPLES:
        for name, measure in MEASURES.items():
            slopes[name] = slope_of(hours, np.array([float(measure(s)) for s in kept]))
    before, after = kept[0].report.types, last.report.types
    grown = {name: count - before.get(name, 0) for name, count in after.items() if name in before}
    most = sorted(grown, key=lambda name: -grown[name])[:GROWN_TYPES]
    return Summary(
        audio_hours=audio / 3600,
        minutes=last.seconds / 60,
        cpu_share=last.cost.cpu_seconds / audio,
        warm_up_hours=warm_up * audio / 3600,
        samples=len(kept),
        peak_mb=last.cost.peak,
        slopes=slopes,
        grown={name: grown[name] for name in most},
    )


def write(path: Path, plan: Plan, outcome: Outcome, summary: Summary) -> None:
    """Write everything as JSON, and the output of the daemon beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "plan": asdict(plan),
        "summary": asdict(summary),
        "clients": outcome.counts,
        "journal": outcome.journal,
        "faults": outcome.faults,
        "samples": [asdict(sample) for sample in outcome.samples],
    }
    path.with_suffix(".log").write_text(outcome.log, encoding="utf-8")
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def show(console: Console, outcome: Outcome, summary: Summary) -> None:
    """Print the tables."""
    speed = summary.audio_hours * 60 / summary.minutes if summary.minutes else 0.0
    console.print(
        f"{summary.audio_hours:.2f} h of audio in {summary.minutes:.1f} min ({speed:.1f} times "
        f"real time, {summary.cpu_share:.3f} s of processor time per second of audio), peak "
        f"{summary.peak_mb:.0f} MB"
    )
    title = f"after {summary.warm_up_hours:.2f} h of warm-up, {summary.samples} samples"
    slopes = Table("measure", title=f"Slopes per hour of audio, {title}")
    for heading in ("mean", "slope", "95 % interval", "% a day", ""):
        slopes.add_column(heading, justify="right")
    for name, slope in summary.slopes.items():
        interval = f"{slope.low:+.3g} to {slope.high:+.3g}"
        daily = f"{100 * 24 * slope.slope / slope.mean:+.1f}"
        flat = "flat" if slope.flat else "grows" if slope.slope > 0 else "shrinks"
        slopes.add_row(name, f"{slope.mean:.5g}", f"{slope.slope:+.3g}", interval, daily, flat)
    console.print(slopes)
    _show_counts(console, "Clients", outcome.counts)
    _show_counts(console, "Journal", outcome.journal)
    _show_counts(console, "Types of objects that grew most", summary.grown)
    _show_counts(console, "Faults", outcome.faults)


def _show_counts(console: Console, title: str, counts: dict[str, int]) -> None:
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    console.print(f"[bold]{title}:[/] {listed or 'no entries'}")
