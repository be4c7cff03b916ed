"""The package for 64-bit Arm, on a Debian of that architecture emulated by qemu.

qemu shows what works, not how fast; docs/pi.md has the speed of a Pi.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.debian_tree import debian_tree, throw_away_copy

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("systemd", "dbus", "python3", "python3-systemd", "libportaudio2", "libpulse0"),
    *("ca-certificates", "procps"),
)
RECORDING = "/usr/share/auricle/models/demo/command.flac"
SAID = "how are you going to do it"

Run = Callable[..., str]

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def run(pytestconfig: pytest.Config) -> Iterator[Run]:
    """Run a command in an arm64 system with the package; return its output."""
    built = sorted((ROOT / "build").glob("auricle_*_arm64.deb"))
    assert built, "build the package first: make deb DEB_ARCHITECTURE=arm64"
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with throw_away_copy(debian_tree("bookworm", "arm64", PACKAGES)) as tree:

        def run_there(*command: str) -> str:
            start = time.monotonic()
            done = subprocess.run(
                ["chroot", str(tree), *command],
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            with capture.global_and_fixture_disabled():
                print(
                    f"\n  {time.monotonic() - start:5.0f} s  {' '.join(command)}",
                    end="",
                    flush=True,
                )
            assert done.returncode == 0, f"{done.stdout}{done.stderr}"
            return done.stdout.strip()

        shutil.copy(built[-1], tree / "auricle.deb")
        run_there("dpkg", "--install", "/auricle.deb")
        yield run_there


def test_libraries_are_built_for_the_processor(run: Run) -> None:
    assert run("uname", "--machine") == "aarch64"
    libraries = "numpy, yaml, soxr, soundfile, sounddevice, webrtcvad, ai_edge_litert.interpreter"
    program = "import sys; sys.path.insert(0, '/usr/lib/auricle/python3.11'); import "
    run(
        "python3",
        "-c",
        f"{program}{libraries}, pymicro_features, systemd.daemon, h2, httpx, mutagen",
    )


def test_configuration_is_valid(run: Run) -> None:
    assert run("auricle", "config", "check") == "/etc/auricle/auricle.yaml: OK"


def test_a_recording_is_recognised(run: Run) -> None:
    told = json.loads(run("auricle", "transcribe", "--json", "--no-endpoint", RECORDING))
    assert told["text"].endswith(SAID)


def test_wake_word_is_detected(run: Run) -> None:
    told = json.loads(run("auricle", "detect", "--json", RECORDING))
    assert told["wake_word"] == "alexa"
