"""The Makefile installs missing Debian packages quietly, and never removes any."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DPKG_QUERY = '#!/bin/sh\nfor last; do :; done\nif grep -qx "$last" "$FOLDER/installed"; then\n'
DPKG_QUERY += "  printf installed\nelse\n  exit 1\nfi\n"
SUDO = '#!/bin/sh\nexec "$@"\n'
APT_GET = """#!/bin/sh
echo "$@" >> "$FOLDER/calls"
seq -f 'Unpacking package %g ...' 500
case "$*" in
  *--simulate*) cat "$FOLDER/simulated";;
  install*) exit "$APT_STATUS";;
esac
"""
# Programs that the tests call, with their Debian packages.
PROGRAMS = {
    "dbus-daemon": "dbus",
    "gdbus": "libglib2.0-bin",
    "groff": "groff-base",
    "ip": "iproute2",
    "mpv": "mpv",
    "openssl": "openssl",
    "pactl": "pulseaudio-utils",
    "pulseaudio": "pulseaudio",
    "systemd-analyze": "systemd",
}
CALLERS = [file for folder in ("tests", "tools/testbed") for file in (ROOT / folder).rglob("*.py")]
CALLERS.remove(Path(__file__))


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """A folder of fake programs that imitate a Debian system without packages."""
    for name, text in (("dpkg-query", DPKG_QUERY), ("sudo", SUDO), ("apt-get", APT_GET)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for name in ("installed", "calls", "simulated"):
        (tmp_path / name).touch()
    return tmp_path


def install(debian: Path, *options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Install the packages that `make run` needs."""
    return subprocess.run(
        ["make", "--no-print-directory", "run-packages", *options],
        cwd=ROOT,
        env={
            "PATH": f"{debian}:{os.environ['PATH']}",
            "FOLDER": str(debian),
            "APT_STATUS": str(status),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_packages_are_installed_without_removing_any(debian: Path) -> None:
    assert install(debian).returncode == 0
    update, asked = (debian / "calls").read_text().splitlines()
    assert update.startswith("update")
    assert "--no-remove" in asked.split()
    assert {"pulseaudio", "pulseaudio-utils", "dbus"} <= set(asked.split())


def test_a_step_prints_one_line(debian: Path) -> None:
    done = install(debian)
    update, asked = done.stdout.splitlines()
    assert re.fullmatch(r"Update the list of Debian packages \.\.\. \d+ s", update)
    assert re.fullmatch(r"Install \d+ Debian packages and their dependencies \.\.\. \d+ s", asked)
    assert done.stderr == ""


def test_all_output_is_shown_on_request(debian: Path) -> None:
    assert install(debian, "V=1").stdout.count("Unpacking package") == 2 * 500


def test_a_step_that_fails_shows_its_output(debian: Path) -> None:
    done = install(debian, status=100)
    assert done.returncode != 0
    update, asked, *output = done.stdout.splitlines()
    assert update.endswith(" s")
    assert asked.endswith(" ... failed:")
    assert [line for line in output if line.startswith("Unpacking")] == output
    assert len(output) == 500


def test_apt_is_not_called_if_all_packages_are_installed(debian: Path) -> None:
    install(debian)
    asked = (debian / "calls").read_text().splitlines()[1].split()
    (debian / "installed").write_text("\n".join(asked) + "\n")
    (debian / "calls").write_text("")
    assert install(debian).returncode == 0
    assert (debian / "calls").read_text() == ""


@pytest.mark.parametrize("pipewire", ["pipewire-audio", "pipewire-alsa", "pipewire-pulse"])
def test_pulseaudio_is_left_out_if_pipewire_is_installed(debian: Path, pipewire: str) -> None:
    (debian / "installed").write_text(f"{pipewire}\n")
    done = install(debian)
    assert done.returncode == 0
    assert f"{pipewire} is installed: pulseaudio, which" in done.stderr
    asked = (debian / "calls").read_text().splitlines()[1].split()
    assert "pulseaudio" not in asked
    assert "pulseaudio-utils" in asked


def test_a_conflict_is_reported_with_the_remedy(debian: Path) -> None:
    (debian / "simulated").write_text("Inst pulseaudio (16.1)\nRemv other-sound [1.0]\n")
    done = install(debian, status=100)
    assert done.returncode != 0
    assert "conflicts with other-sound, which make does not remove" in done.stderr


def test_another_failure_of_apt_is_reported(debian: Path) -> None:
    done = install(debian, status=100)
    assert done.returncode != 0
    assert "fix the error above, then run make again" in done.stderr


def test_pip_gets_extra_arguments_for_training() -> None:
    done = subprocess.run(
        ["make", "-n", "-B", "train-setup", "PIP_TRAIN_ARGUMENTS=--no-deps"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "-m pip install  --no-deps --editable" in done.stdout


@pytest.mark.parametrize(("program", "package"), PROGRAMS.items())
def test_programs_that_the_tests_call_are_installed(program: str, package: str) -> None:
    called = [file for file in CALLERS if f'"{program}"' in file.read_text(encoding="utf-8")]
    assert called, f"no test calls {program}: remove it from PROGRAMS"
    database = subprocess.run(
        ["make", "--print-data-base", "--question", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    lists = re.findall(r"^(?:RUN|TEST)_PACKAGES := (.*)$", database, re.MULTILINE)
    assert package in " ".join(lists).split()
