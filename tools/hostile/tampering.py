"""Damages state files and model files, one at a time, and starts the daemon on each.

The daemon must start on damaged state and report it, and refuse a damaged model in one sentence. It
must neither print a traceback nor be ended by a signal.
"""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from auricle.privacy.audit_log import NAME
from fuzzing.mutations import mutants
from testbed.errors import StageError
from testbed.import_path import import_path
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon

ROOT = Path(__file__).parents[2]
BUNDLE, WAKE = ROOT / "models" / "en-tiny", ROOT / "models" / "wake"
AUDIT_LOG = f"privacy/record/{NAME}"
DAMAGED_STATE = {
    "music/ducked.json": (
        b"[" * 3000,
        b'{"version":1,"sounds":[' + b"9" * 400 + b"]}",
        b"\x00" * 9,
    ),
    "context/1000-default.json": (b"[" * 3000, b'{"format":' + b"9" * 5000 + b"}", b"\xff\xfe"),
    "privacy/mode": (b"[" * 3000, b"null", b'{"mode":' + b"9" * 400 + b"}"),
    AUDIT_LOG: (b"[" * 3000 + b"\n", b"\x00" * 4096, b'{"time":1e999}\n'),
}


@dataclass(slots=True)
class Tampering:
    """How starts on damaged files ended."""

    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


def tamper(times: int, folder: Path, seed: int) -> Tampering:
    """Start the daemon `times` times, on damaged state and on damaged models in turn."""
    done, choose = Tampering(), random.Random(seed)
    state = itertools.cycle(_damaged_states())
    for turn in range(times):
        place = folder / str(turn)
        if turn % 2 == 0:
            _start_on_state(place, *next(state), done)
        else:
            _start_on_models(place, choose, done)
        shutil.rmtree(place, ignore_errors=True)
    return done


def _damaged_states() -> Iterator[tuple[str, bytes]]:
    for contents in itertools.zip_longest(*DAMAGED_STATE.values()):
        yield from (
            (name, content)
            for name, content in zip(DAMAGED_STATE, contents, strict=True)
            if content is not None
        )


def _start_on_state(folder: Path, name: str, content: bytes, done: Tampering) -> None:
    file = folder / "state" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    environment = {"STATE_DIRECTORY": str(folder / "state")}
    with PrivateBus() as bus:
        daemon = RunningDaemon(bus.address, "wake: {enabled: false}\n", environment=environment)
        try:
            with daemon:
                done.ends["started on damaged state"] += 1
        except StageError:
            done.faults[f"does not start with a damaged {name}"] += 1
    if "Traceback" in daemon.log:
        done.faults[f"traceback with a damaged {name}"] += 1
    # The audit log is read when the first lattice is sent.
    if name != AUDIT_LOG and str(file) not in daemon.log:
        done.faults[f"no report of a damaged {name}"] += 1


def _start_on_models(folder: Path, choose: random.Random, done: Tampering) -> None:
    """Damage one file of a copy of the models, and check them as the daemon loads them."""
    for models in (BUNDLE, WAKE):
        shutil.copytree(models, folder / models.name)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    file = choose.choice(files)
    before = file.read_bytes()
    after = before
    while after == before:
        after = next(mutants([before[: 1 << 16]], choose.randrange(2**32))) + before[1 << 16 :]
    file.write_bytes(after)
    config = folder / "auricle.yaml"
    config.write_text(
        f"wake: {{models: [{folder / WAKE.name / 'alexa.json'}]}}\n"
        f"recognizer: {{bundle: {folder / BUNDLE.name}}}\n",
        encoding="utf-8",
    )
    with PrivateBus() as bus:
        command = [sys.executable, "-m", "auricle.cli.main", "run", "--config", str(config)]
        process = subprocess.Popen(
            [*command, "--bus", bus.address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(folder),
        )
        output, status = _start_of(process)
    name = f"{file.parent.name}/{file.name}"
    if "Traceback" in output:
        done.faults[f"traceback with a damaged {name}"] += 1
    elif status is None:
        used = file.parent.name == BUNDLE.name or file.name.startswith(("alexa", "manifest"))
        done.ends["started on a changed model" if used else "started, the file is not used"] += 1
        if used:
            done.faults[f"started with a changed {name}"] += 1
    elif status < 0:
        done.faults[f"ended by signal {-status} with a damaged {name}"] += 1
    else:
        done.ends["refused a damaged model"] += 1


def _environment(folder: Path) -> dict[str, str]:
    state = {"STATE_DIRECTORY": str(folder / "state"), "PYTHONPATH": import_path()}
    return {"PATH": "/usr/bin:/bin", "PULSE_SERVER": "unix:/nonexistent", **state}


def _start_of(process: subprocess.Popen[str]) -> tuple[str, int | None]:
    """Return what a daemon writes until it is ready or ends, and its status if it has ended."""
    output = ""
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            output += line
            if " ready: " in line:
                process.kill()
                return output, None
    return output, process.returncode
