"""Runs the attacks one after the other, and collects what the daemon did."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from auricle.client.client import AssistantClient
from auricle.errors import AuricleError
from fuzzing.targets import find_targets
from hostile.canary import Canary
from hostile.kills import Kills, can_play, kill_often
from hostile.tampering import Tampering, tamper
from hostile.watch import Costs, Delays, be_polite, measure
from soak.daemon import SETTINGS, DaemonSettings
from testbed.errors import StageError
from testbed.import_path import import_path
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon

POLICY = Path(__file__).parents[2] / "etc" / "dbus-1" / "system.d" / "org.auricle.Assistant1.conf"
STRANGER = 65534  # nobody, who is in no group of the daemon
ATTACKERS = 2  # processes at once
SPEECH = 0.4  # share of commands in the audio
DOCUMENTED = ("org.auricle.Error.", "org.freedesktop.DBus.Error.")
CONFIG = "wake: {models: [alexa]}\nmusic: {backends: [mpris]}\n"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    calls: int  # D-Bus calls, half of them by members and half by strangers
    inputs: int  # mutated inputs for the fuzz targets
    kills: int
    tampers: int
    largest: int  # most bytes of a body
    quiet_seconds: float  # before and after the attacks
    seed: int = 0


@dataclass(slots=True)
class Outcome:
    """What happened."""

    delays: dict[str, dict[str, float]] = field(default_factory=dict)  # phase -> summary
    costs: dict[str, dict[str, float]] = field(default_factory=dict)
    answers: dict[str, dict[str, object]] = field(default_factory=dict)
    results: int = 0  # commands that were recognized meanwhile
    dropped: int = 0  # audio frames
    inputs: dict[str, int] = field(default_factory=dict)  # by target
    kills: Kills = field(default_factory=Kills)
    tampering: Tampering = field(default_factory=Tampering)
    faults: Counter[str] = field(default_factory=Counter)


def run(plan: Plan, say: Say) -> Outcome:
    """Run the plan; `say` takes lines of progress."""
    outcome = Outcome()
    with TemporaryDirectory(prefix="auricle-hostile-") as name:
        folder = Path(name)
        if plan.calls:
            _call(plan, folder, outcome, say)
        if plan.inputs:
            say(f"{plan.inputs} mutated inputs")
            _mutate(plan, folder, outcome)
        if plan.kills:
            say(f"{plan.kills} kills" + ("" if can_play() else "; without mpv, no volumes"))
            outcome.kills = kill_often(plan.kills, folder / "kills", plan.seed)
            outcome.faults += outcome.kills.faults
        if plan.tampers:
            say(f"{plan.tampers} starts on damaged files")
            outcome.tampering = tamper(plan.tampers, folder / "tampering", plan.seed)
            outcome.faults += outcome.tampering.faults
    return outcome


def _call(plan: Plan, folder: Path, outcome: Outcome, say: Say) -> None:
    """Attack a daemon with D-Bus calls while it recognizes speech in real time."""
    settings = DaemonSettings(str(folder / "report"), SPEECH, 1.0, plan.seed, patient=False)
    environment = {
        SETTINGS: json.dumps(asdict(settings)),
        "PYTHONPATH": import_path(),
    }
    policy = folder / "policy.conf"
    policy.write_text(policy_for(os.getuid(), os.getgid()), encoding="utf-8")
    with PrivateBus("system", [policy]) as bus:
        daemon = RunningDaemon(
            bus.address, CONFIG, environment=environment, program=("-m", "soak.daemon")
        )
        canary = Canary()
        try:
            with daemon:
                asyncio.run(_attack(plan, daemon, bus.address, canary, outcome, say))
        except StageError as error:
            outcome.faults[f"the daemon ended: {str(error).splitlines()[0]}"] += 1
    outcome.results = canary.results
    if found := re.findall(r"(\d+) frames of 10 ms dropped", daemon.log):
        outcome.dropped = int(found[-1])
        outcome.faults["dropped audio frames"] += outcome.dropped
    outcome.faults["words leaked"] += len(canary.leaked(daemon.log))
    outcome.faults["tracebacks in the journal"] += daemon.log.count("Traceback")
    outcome.faults["faults in the journal"] += daemon.log.count(" error   fault")
    outcome.faults = +outcome.faults


def policy_for(user: int, group: int) -> str:
    """Return the policy of the system bus, with other ids for the user and group `auricle`."""
    text = POLICY.read_text(encoding="utf-8")
    text = text.replace('policy user="auricle"', f'policy user="{user}"')
    return text.replace('policy group="auricle"', f'policy group="{group}"')


async def _attack(
    plan: Plan, daemon: RunningDaemon, bus: str, canary: Canary, outcome: Outcome, say: Say
) -> None:
    listening = asyncio.create_task(canary.listen(bus))
    overhearing = await canary.eavesdrop(bus)
    try:
        say("quiet, to compare")
        async with _phase("quiet before", daemon, bus, outcome):
            await asyncio.sleep(plan.quiet_seconds)
        groups: list[tuple[str, int | None]] = [("members", None)]
        if os.getuid() == 0:
            groups.append(("strangers", STRANGER))
        for name, user in groups:
            say(f"{plan.calls // len(groups)} calls by {name}")
            async with _phase(name, daemon, bus, outcome):
                await _run_attackers(plan, bus, plan.calls // len(groups), user, name, outcome)
        async with _phase("quiet after", daemon, bus, outcome):
            await asyncio.sleep(plan.quiet_seconds)
    finally:
        listening.cancel()
        ended = (await asyncio.gather(listening, return_exceptions=True))[0]
        await overhearing.close()
    if isinstance(ended, AuricleError):
        outcome.faults[f"the subscriber was cut off: {ended}"] += 1
    try:
        async with AssistantClient(bus) as client:
            await client.status()
    except AuricleError as error:
        outcome.faults[f"the daemon no longer answers: {error}"] += 1


@asynccontextmanager
async def _phase(
    name: str, daemon: RunningDaemon, bus: str, outcome: Outcome
) -> AsyncIterator[None]:
    """Measure delays and costs during the block."""
    delays, costs = Delays(), Costs()

    def gone() -> None:
        outcome.faults[f"the daemon ended during: {name}"] += 1

    tasks = [
        asyncio.create_task(be_polite(bus, delays)),
        asyncio.create_task(measure(daemon, costs, gone)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    outcome.delays[name], outcome.costs[name] = delays.summary(), costs.summary()
    for error in delays.errors:
        outcome.faults[f"the polite client got an error during {name}: {error}"] += 1


async def _run_attackers(
    plan: Plan, bus: str, calls: int, user: int | None, name: str, outcome: Outcome
) -> None:
    """Run the attackers, and add up their answers."""
    as_user = [] if user is None else ["--user", str(user)]
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hostile.attacker", bus, str(plan.seed + number)),
            *(str(calls // ATTACKERS), str(plan.largest), *as_user),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": import_path()},
        )
        for number in range(ATTACKERS)
    ]
    kinds: Counter[str] = Counter()
    replies: Counter[str] = Counter()
    longest = 0.0
    for process in processes:
        output, _ = await process.communicate()
        if process.returncode:
            outcome.faults[f"an attacker of {name} failed"] += 1
            continue
        answers = json.loads(output)
        kinds.update(answers["kinds"])
        replies.update(answers["replies"])
        longest = max(longest, answers["longest"])
        if user is None:
            for call in answers["unanswered"]:
                outcome.faults[f"unanswered call: {call}"] += 1
        elif answers["unanswered"]:
            replies["no reply to a flood"] += len(answers["unanswered"])
        for call in answers["internal"]:
            outcome.faults[f"failed inside the daemon: {call}"] += 1
    for error in replies:
        if "." in error and not error.startswith(DOCUMENTED):
            outcome.faults[f"undocumented error {error}"] += replies[error]
    outcome.answers[name] = {"longest": longest, "kinds": kinds, "replies": replies}


def _mutate(plan: Plan, folder: Path, outcome: Outcome) -> None:
    """Run every fuzz target on mutated inputs, each in a process of its own."""
    targets = find_targets()
    for name in targets:
        count = plan.inputs // len(targets)
        command = [sys.executable, "-m", "fuzzing", "--target", name, "--inputs", str(count)]
        done = subprocess.run(
            [*command, "--out", str(folder / "fuzz"), "--seed", str(plan.seed)],
            env={**os.environ, "PYTHONPATH": import_path()},
            check=False,
            capture_output=True,
            text=True,
        )
        found = re.search(rf"^{name}: (\d+) inputs, (\d+) failures", done.stdout, re.MULTILINE)
        if found is None:
            outcome.faults[f"the fuzz target {name} ended with status {done.returncode}"] += 1
            continue
        outcome.inputs[name] = int(found[1])
        outcome.faults[f"failing inputs of {name}"] += int(found[2])
    outcome.faults = +outcome.faults
