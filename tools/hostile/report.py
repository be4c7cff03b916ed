"""Prints what came of the attacks, and writes it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hostile.run import Outcome, Plan

DELAYS = ("calls", "median_ms", "99_percent_ms", "longest_ms", "over_50_ms")
COSTS = {
    "memory, MB": "mb",
    "file descriptors": "descriptors",
    "threads": "threads",
}


def write(path: Path, plan: Plan, outcome: Outcome) -> None:
    """Write all figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "plan": asdict(plan),
        "delays": outcome.delays,
        "costs": outcome.costs,
        "answers": outcome.answers,
        "results": outcome.results,
        "dropped": outcome.dropped,
        "inputs": outcome.inputs,
        "kills": {
            "kills": outcome.kills.kills,
            "acknowledged": outcome.kills.acknowledged,
            "ducked": outcome.kills.ducked,
        },
        "tampering": outcome.tampering.ends,
        "faults": outcome.faults,
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def show(console: Console, outcome: Outcome) -> None:
    """Print the tables."""
    if outcome.delays:
        console.print(_delays(outcome), _costs(outcome))
        console.print(f"{outcome.results} commands recognized, {outcome.dropped} frames dropped")
    for name, answers in outcome.answers.items():
        kinds, replies = answers["kinds"], answers["replies"]
        assert isinstance(kinds, dict)
        assert isinstance(replies, dict)
        console.print(f"[bold]Calls by {name}:[/] {sum(kinds.values())}: {_counts(kinds)}")
        console.print(f"  answers: {_counts(replies)}")
        console.print(f"  longest wait for an answer {answers['longest']:.2f} s")
    if outcome.inputs:
        total = sum(outcome.inputs.values())
        console.print(f"[bold]Mutated inputs:[/] {total}: {_counts(outcome.inputs)}")
    kills = outcome.kills
    if kills.kills:
        console.print(
            f"[bold]Kills:[/] {kills.kills}, {kills.ducked} of them while a player was lowered; "
            f"{kills.acknowledged} acknowledged changes of names"
        )
    if outcome.tampering.ends or outcome.tampering.faults:
        console.print(f"[bold]Starts on damaged files:[/] {_counts(outcome.tampering.ends)}")
    console.print(f"[bold]Faults:[/] {_counts(outcome.faults)}")


def _delays(outcome: Outcome) -> Table:
    table = Table("phase", title="How long a polite client waits")
    for heading in DELAYS:
        table.add_column(heading.replace("_", " "), justify="right")
    for name, delays in outcome.delays.items():
        table.add_row(name, *(str(delays.get(heading, "")) for heading in DELAYS))
    return table


def _costs(outcome: Outcome) -> Table:
    table = Table("phase", title="Cost of the daemon: before, highest, after")
    for heading in (*COSTS, "journal lines", "most lines/s"):
        table.add_column(heading, justify="right")
    for name, costs in outcome.costs.items():
        triples = [
            " ".join(
                str(costs.get(f"{field}_{when}", "")) for when in ("before", "highest", "after")
            )
            for field in COSTS.values()
        ]
        lines = costs.get("journal_lines", ""), costs.get("journal_lines_a_second_highest", "")
        table.add_row(name, *triples, *map(str, lines))
    return table


def _counts(counts: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return listed or "no entries"
