"""Attack a real daemon, and print what it did.

    PYTHONPATH=tools python -m hostile --calls 21000 --inputs 131800 --kills 80

In: this checkout. Out: tables, and all figures as JSON. The exit status is 1 if there is a fault:
a call of a member without an answer, a lost name, a leaked word, a dropped audio frame, an end of
the daemon. As root, half of the calls come from a user who is not in the daemon's group. Needs the
Debian package dbus; with mpv and mpv-mpris, volumes are checked too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from hostile.report import show, write
from hostile.run import Plan, run

JSON = Path(__file__).parents[2] / "build" / "hostile.json"


def main() -> int:
    """Attack; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=4000, help="D-Bus calls")
    parser.add_argument("--inputs", type=int, default=10_000, help="mutated inputs")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--tampers", type=int, default=12, help="starts on damaged files")
    parser.add_argument("--largest", type=int, default=1_000_000, help="most bytes of a body")
    parser.add_argument("--quiet", type=float, default=10.0, help="seconds before and after")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=JSON, help="file for all figures")
    arguments = parser.parse_args()
    plan = Plan(
        calls=arguments.calls,
        inputs=arguments.inputs,
        kills=arguments.kills,
        tampers=arguments.tampers,
        largest=arguments.largest,
        quiet_seconds=arguments.quiet,
        seed=arguments.seed,
    )
    console = Console(highlight=False)
    outcome = run(plan, lambda line: console.print(f"[dim]{line}"))
    write(arguments.json, plan, outcome)
    show(console, outcome)
    console.print(f"All figures: {arguments.json}")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
