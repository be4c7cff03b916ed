"""Run the real service for hours of audio with six kinds of clients; print what grows.

    PYTHONPATH=tools python -m soak --hours 24

In: this checkout. Out: a table of slopes per hour of audio with their 95 % intervals, counts, and
all samples as JSON. The exit status is 1 if the daemon ended, reported a fault, lost audio frames,
or answered a client with an unexpected error. Needs the Debian package dbus.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from soak.report import show, summary_of, write
from soak.run import Plan, soak

JSON = Path(__file__).parents[2] / "build" / "soak.json"


def main() -> int:
    """Run the soak; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=1.0, help="hours of audio")
    parser.add_argument(
        "--speech", type=float, default=0.1, help="share of commands in the audio (default: 0.1)"
    )
    parser.add_argument(
        "--pace", type=float, default=24.0, help="most times faster than real time (default: 24)"
    )
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between samples")
    parser.add_argument(
        "--warm-up", type=float, default=0.1, help="first share of the audio that is left out"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the audio")
    parser.add_argument("--json", type=Path, default=JSON, help="file for all samples")
    arguments = parser.parse_args()
    plan = Plan(
        hours=arguments.hours,
        speech=arguments.speech,
        pace=arguments.pace,
        interval=arguments.interval,
        seed=arguments.seed,
    )
    console = Console(highlight=False)
    outcome = soak(plan, lambda line: console.print(f"[dim]{line}"))
    summary = summary_of(outcome, arguments.warm_up)
    write(arguments.json, plan, outcome, summary)
    show(console, outcome, summary)
    console.print(f"All samples: {arguments.json}")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
