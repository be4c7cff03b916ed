"""Runs the daemon and the clients of a soak, and takes samples until the audio is over."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from soak import clients
from soak.daemon import SETTINGS, DaemonSettings, Report
from testbed.errors import StageError
from testbed.import_path import import_path
from testbed.private_bus import PrivateBus
from testbed.process_cost import ProcessCost, process_cost
from testbed.running_daemon import RunningDaemon

PROGRAM = ("-m", "soak.daemon")
REPORT_SECONDS = 60.0  # timeout of a report
PROGRESS_SECONDS = 60.0  # between two lines of progress
# No sound server: players on the private bus are the only sounds to duck. A reranker is configured,
# and no relay runs, so that nothing leaves.
BASE = "music: {backends: [mpris]}\nprivacy: {reranker: {url: 'https://reranker.invalid/'}}\n"
CONFIGS = (
    "",
    "wake: {models: [alexa, okay_nabu]}\n",
    "vad: {aggressiveness: 3}\nendpoint: {final_ms: 600}\n",
    "wake: {models: [no_such_word]}\n",  # refused: the old one stays
    "arbiter: {level: saver}\nrecognizer: {beam: 4}\n",
    "log: {level: debug}\nwake: {models: [alexa]}\n",
)
ENTRY = re.compile(r"^[\d:]{8} (debug|info|warning|error) +([a-z-]+)", re.MULTILINE)
FAULTS = ("fault", "stuck", "failed", "untold")  # entries of the journal that must not appear


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    hours: float  # of audio
    speech: float  # share of commands in the audio
    pace: float  # most seconds of audio per second
    interval: float  # seconds between two samples
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon at one moment."""

    seconds: float  # since the start
    cost: ProcessCost
    report: Report
    sessions: int


@dataclass(slots=True)
class Outcome:
    """What happened."""

    samples: list[Sample] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    journal: Counter[str] = field(default_factory=Counter)  # entries by kind
    faults: Counter[str] = field(default_factory=Counter)
    log: str = ""  # complete output of the daemon


Say = Callable[[str], None]


def soak(plan: Plan, say: Say) -> Outcome:
    """Run the plan and return what happened; `say` takes lines of progress.

    Raises:
        StageError: the daemon does not start.
    """
    with TemporaryDirectory(prefix="auricle-soak-") as folder, PrivateBus() as bus:
        report = Path(folder) / "report.json"
        settings = DaemonSettings(str(report), plan.speech, plan.pace, plan.seed)
        environment = {
            SETTINGS: json.dumps(asdict(settings)),
            "PYTHONPATH": import_path(),
            **bus.environment,
        }
        daemon = RunningDaemon(bus.address, BASE, environment=environment, program=PROGRAM)
        tally, outcome = clients.Tally(), Outcome()
        with daemon:
            asyncio.run(_follow(plan, daemon, bus.address, report, tally, outcome, say))
        outcome.counts = tally.counts
        outcome.faults += tally.faults
    outcome.log = daemon.log
    outcome.journal = Counter(kind for _, kind in ENTRY.findall(daemon.log))
    outcome.faults.update({f"journal: {kind}": outcome.journal[kind] for kind in FAULTS})
    if "Traceback" in daemon.log:
        outcome.faults["traceback in the journal"] += daemon.log.count("Traceback")
    if outcome.samples:
        outcome.faults["lost audio frames"] += outcome.samples[-1].report.dropped
    outcome.faults = +outcome.faults  # without zeros
    return outcome


async def _follow(
    plan: Plan,
    daemon: RunningDaemon,
    bus: str,
    report: Path,
    tally: clients.Tally,
    outcome: Outcome,
    say: Say,
) -> None:
    """Run the clients and take samples until the audio is over or the daemon has ended."""

    def reload(turn: int) -> None:
        daemon.config.write_text(BASE + CONFIGS[turn % len(CONFIGS)], encoding="utf-8")
        daemon.signal(signal.SIGHUP)

    kinds = (
        clients.stays,
        clients.comes_and_goes,
        clients.names,
        clients.listens,
        clients.floods,
        partial(clients.owner, reload=reload),
    )
    work = [
        asyncio.create_task(clients.again_and_again(partial(kind, bus, tally), tally))
        for kind in kinds
    ]
    began = said = time.monotonic()
    try:
        while not _over(plan, outcome):
            await asyncio.sleep(plan.interval)
            _raise_first(work)
            asked = await asyncio.to_thread(_ask, daemon, report)
            now = time.monotonic()
            sessions = tally.counts["sessions"]
            outcome.samples.append(Sample(now - began, process_cost(daemon.pid), asked, sessions))
            daemon.drain()
            if now - said >= PROGRESS_SECONDS:
                said = now
                say(_progress(outcome.samples[-1]))
    except (StageError, OSError) as error:
        outcome.faults[f"the daemon ended: {error}"] += 1
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def _over(plan: Plan, outcome: Outcome) -> bool:
    return bool(outcome.samples) and (outcome.samples[-1].report.audio_seconds >= plan.hours * 3600)


def _raise_first(work: list[asyncio.Task[None]]) -> None:
    """Raise the exception of a client that has ended, as a StageError."""
    for task in work:
        if task.done():
            raise StageError(f"a client ended: {task.exception()!r}")


def _ask(daemon: RunningDaemon, path: Path) -> Report:
    """Ask the daemon for a report and wait for it; raises StageError if it has ended."""
    path.unlink(missing_ok=True)
    daemon.signal(signal.SIGUSR1)
    deadline = time.monotonic() + REPORT_SECONDS
    while not path.exists():
        if not Path(f"/proc/{daemon.pid}/exe").exists():
            raise StageError("it has exited; see its log")
        if time.monotonic() > deadline:
            raise StageError(f"the daemon wrote no report in {REPORT_SECONDS:.0f} s")
        time.sleep(0.01)
    return Report(**json.loads(path.read_text(encoding="utf-8")))


def _progress(sample: Sample) -> str:
    hours = sample.report.audio_seconds / 3600
    return (
        f"{sample.seconds / 60:5.1f} min, {hours:6.2f} h of audio, {sample.sessions} sessions, "
        f"{sample.cost.rss:.0f} MB, {sample.report.objects} objects"
    )
