"""`auricle doctor`: finds problems of the installation and says how to fix them."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from auricle.cli.bus_option import add_bus_option, own_bus
from auricle.config.locations import find_config
from auricle.diagnosis.examination import examine_all
from auricle.diagnosis.finding import Finding, FindingStatus


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Check everything that Auricle needs: configuration, bus, microphone, echo, music, models, "
        "processor, memory and clock. The command records from the microphone for one second and "
        "does not store the audio. The exit status is 1 if a problem keeps Auricle from working."
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per line: check, status (ok, warning, problem), found, remedy",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the configuration (default: that of the daemon)",
    )
    add_bus_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; return 1 if there is a problem, else 0."""
    counts: Counter[FindingStatus] = Counter()
    config = arguments.config or find_config()
    for finding in examine_all(config, arguments.bus or own_bus(config)):
        counts[finding.status] += 1
        sys.stdout.write(as_line(finding) if arguments.json else as_text(finding))
        sys.stdout.flush()
    if not arguments.json:
        sys.stdout.write(summary(counts))
    return 1 if counts[FindingStatus.PROBLEM] else 0


def as_line(finding: Finding) -> str:
    """Return a finding as one line of JSON."""
    return json.dumps(asdict(finding), ensure_ascii=False) + "\n"


def as_text(finding: Finding) -> str:
    """Return a finding as text, with the remedy on a separate line."""
    lines = [f"{finding.status:8} {finding.check:12} {finding.found}"]
    if finding.remedy:
        lines.append(f"{'':21} -> {finding.remedy}")
    return "\n".join(lines) + "\n"


def summary(counts: Counter[FindingStatus]) -> str:
    """Return the last line: the numbers of problems and warnings."""
    told = [
        f"{counts[status]} {status}{'s' if counts[status] > 1 else ''}"
        for status in (FindingStatus.PROBLEM, FindingStatus.WARNING)
        if counts[status]
    ]
    return f"{', '.join(told) or 'no problems found'}\n"
