"""The command `auricle` itself: usage, exit status, and clean ends."""

from __future__ import annotations

import argparse
import errno
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from auricle.cli import main as command_line
from auricle.errors import DeviceError

AURICLE = (sys.executable, "-m", "auricle.cli.main")
CHECK = (*AURICLE, "config", "check", Path(__file__).parents[2] / "etc" / "auricle.yaml")


def auricle(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*AURICLE, *words], capture_output=True, text=True, check=False)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Offer a command `work` whose `run` a test sets."""
    module = types.ModuleType("auricle_test_work")
    vars(module)["configure"] = lambda parser: parser.add_argument("--count", type=int, default=0)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    command = command_line.Command("work", module.__name__, "do some work")
    monkeypatch.setattr(command_line, "COMMANDS", (command,))
    return module


@pytest.mark.parametrize("words", [(), ("bogus",), ("config",), ("config", "check", "a", "b")])
def test_wrong_usage_ends_with_status_2(words: tuple[str, ...]) -> None:
    done = auricle(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: auricle ")


def test_help_lists_every_command() -> None:
    done = auricle("--help")
    assert done.returncode == 0
    listed = " ".join(done.stdout.split())
    for command in command_line.COMMANDS:
        assert f" {command.name} {command.summary}" in listed


@pytest.mark.parametrize("command", command_line.COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command: command_line.Command) -> None:
    done = auricle(command.name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: auricle {command.name} ")


def test_the_version_is_printed() -> None:
    done = auricle("--version")
    assert done.returncode == 0
    assert done.stdout.split()[0] == "auricle"


def test_checking_the_configuration_loads_no_heavy_library() -> None:
    script = (
        "import sys; from auricle.cli.main import main; main(['config', 'check']);"
        "print([name for name in ('numpy', 'ai_edge_litert', 'tflite_runtime', 'sounddevice',"
        " 'dbus_next', 'rich') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_command_gets_its_arguments_and_gives_the_status(work: types.ModuleType) -> None:
    vars(work)["run"] = lambda arguments: arguments.count
    assert command_line.main(["work", "--count", "7"]) == 7


def test_an_expected_error_is_one_line_and_status_1(
    work: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise DeviceError("audio.device: 7 is not there; name another.")

    vars(work)["run"] = run
    assert command_line.main(["work"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (
        "",
        "auricle: audio.device: 7 is not there; name another.\n",
    )


def test_an_interrupt_ends_without_a_trace(
    work: types.ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    vars(work)["run"] = run
    assert command_line.main(["work"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_ends_the_command_without_a_trace() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(CHECK, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_output_that_is_full_is_told() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(CHECK, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "auricle: No space left on device; make room on the disk, or write elsewhere\n"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/full/a.json"),
            "/full/a.json: No space left on device; make room on the disk, or write elsewhere",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", b"/root"),
            "/root: Permission denied; choose a place where you have permission",
        ),
        (
            OSError(errno.EMFILE, "Too many open files"),
            "Too many open files; raise the limit of open files (`ulimit -n`)",
        ),
        (
            OSError("odd"),
            "odd; fix that and try again; `auricle doctor` looks for other problems",
        ),
    ],
)
def test_what_the_system_refuses_is_told_with_a_remedy(error: OSError, told: str) -> None:
    assert command_line.os_error_text(error) == told
