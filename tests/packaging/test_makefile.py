"""The Makefile: what it asks apt-get for, and that it never removes what is there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DPKG_QUERY = '#!/bin/sh\nfor last; do :; done\nif grep -qx "$last" "$FOLDER/installed"; then\n'
DPKG_QUERY += "  printf installed\nelse\n  exit 1\nfi\n"
SUDO = '#!/bin/sh\nexec "$@"\n'
APT_GET = """#!/bin/sh
echo "$@" >> "$FOLDER/calls"
case "$*" in
  *--simulate*) cat "$FOLDER/simulated";;
  install*) exit "$APT_STATUS";;
esac
"""


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """A folder of programs that stand for a Debian system on which nothing is installed."""
    for name, text in (("dpkg-query", DPKG_QUERY), ("sudo", SUDO), ("apt-get", APT_GET)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for name in ("installed", "calls", "simulated"):
        (tmp_path / name).touch()
    return tmp_path


def install(debian: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Install what `make run` needs."""
    return subprocess.run(
        ["make", "--no-print-directory", "run-packages"],
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


def test_missing_packages_are_installed_and_none_is_removed(debian: Path) -> None:
    assert install(debian).returncode == 0
    update, asked = (debian / "calls").read_text().splitlines()
    assert update.startswith("update")
    assert "--no-remove" in asked.split()
    assert {"pulseaudio", "pulseaudio-utils", "dbus"} <= set(asked.split())


def test_where_all_is_installed_apt_is_not_asked(debian: Path) -> None:
    install(debian)
    asked = (debian / "calls").read_text().splitlines()[1].split()
    (debian / "installed").write_text("\n".join(asked) + "\n")
    (debian / "calls").write_text("")
    assert install(debian).returncode == 0
    assert (debian / "calls").read_text() == ""


@pytest.mark.parametrize("pipewire", ["pipewire-audio", "pipewire-alsa", "pipewire-pulse"])
def test_beside_pipewire_pulseaudio_is_left_out(debian: Path, pipewire: str) -> None:
    (debian / "installed").write_text(f"{pipewire}\n")
    done = install(debian)
    assert done.returncode == 0
    assert f"{pipewire} is installed: pulseaudio, which" in done.stderr
    asked = (debian / "calls").read_text().splitlines()[1].split()
    assert "pulseaudio" not in asked
    assert "pulseaudio-utils" in asked


def test_a_conflict_is_named_with_the_remedy(debian: Path) -> None:
    (debian / "simulated").write_text("Inst pulseaudio (16.1)\nRemv other-sound [1.0]\n")
    done = install(debian, status=100)
    assert done.returncode != 0
    assert "cannot stand beside other-sound, and nothing is removed here" in done.stderr


def test_a_refusal_of_apt_for_another_reason_is_told(debian: Path) -> None:
    done = install(debian, status=100)
    assert done.returncode != 0
    assert "mend what it tells above, then make again" in done.stderr


def test_pip_takes_more_words_for_training() -> None:
    done = subprocess.run(
        ["make", "-n", "-B", "train-setup", "PIP_TRAIN_ARGUMENTS=--no-deps"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--quiet --no-deps" in done.stdout
