"""Running the owner's programs: what they get, what they may, and when they end."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from auricle.actions.programs import ActionEnd, programs_in, run_programs

CONTENT = b'{"text": "turn on the light"}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "actions.d"
    folder.mkdir(mode=0o755)
    return folder


def write(folder: Path, name: str, script: str, mode: int = 0o755) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(mode)
    return path


def ends_of(folder: Path, seconds: float = 5.0) -> list[ActionEnd]:
    async def collect() -> list[ActionEnd]:
        return [end async for end in run_programs(folder, CONTENT, seconds)]

    return asyncio.run(collect())


def test_each_program_gets_the_result_in_the_order_of_names(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(folder, "20-second", f"echo second >> {out}; exit 3")
    write(folder, "10-first", f"cat >> {out}; env | grep -v '^_=' | sort >> {out}; pwd >> {out}")
    write(folder, "30-not-executable", f"echo third >> {out}", mode=0o644)
    write(folder, ".hidden", f"echo hidden >> {out}")
    ends = ends_of(folder)
    assert [(end.name, end.status) for end in ends] == [("10-first", 0), ("20-second", 3)]
    assert "exit status 3 after" in str(ends[1])
    assert out.read_text(encoding="utf-8").splitlines() == [
        CONTENT.decode().strip(),
        "LANG=C.UTF-8",
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "PWD=/",
        "/",
        "second",
    ]


def test_a_program_that_takes_too_long_is_ended_with_its_children(
    folder: Path, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    write(folder, "slow", f"trap '' TERM; sleep 60 & echo $! > {pid}; wait; wait; sleep 60")
    begin = time.monotonic()
    (end,) = ends_of(folder, seconds=0.5)
    assert time.monotonic() - begin < 30
    assert str(end) == "action slow: ended after 0.5 s (actions.timeout_seconds)"
    child = Path("/proc") / pid.read_text(encoding="ascii").strip() / "stat"
    deadline = time.monotonic() + 10
    while child.exists() and ") Z " not in child.read_text(encoding="ascii"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_output_of_a_program_goes_nowhere(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder, "loud", "cat; cat >&2")
    (end,) = ends_of(folder)
    assert end.status == 0
    assert capfd.readouterr() == ("", "")
    assert "light" not in str(end)


def test_a_program_need_not_read_its_input(folder: Path) -> None:
    write(folder, "deaf", "exit 0")
    assert ends_of(folder)[0].status == 0


def test_a_program_that_others_can_change_is_not_run(folder: Path, tmp_path: Path) -> None:
    path = write(folder, "open", f"touch {tmp_path / 'ran'}", mode=0o777)
    (end,) = ends_of(folder)
    assert str(end) == (
        f"action open: not run: {path} can be changed by others; run `chmod go-w {path}`"
    )
    path.chmod(0o755)
    folder.chmod(0o777)
    assert "actions.d can be changed by others" in str(ends_of(folder)[0])
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a file away")
def test_a_program_of_another_user_is_not_run(folder: Path) -> None:
    path = write(folder, "foreign", "exit 0")
    os.chown(path, 54321, -1)
    assert "belongs to another user; make root its owner" in str(ends_of(folder)[0])


def test_a_broken_program_is_reported(folder: Path) -> None:
    path = folder / "broken"
    path.write_text("no interpreter\n", encoding="utf-8")
    path.chmod(0o755)
    assert str(ends_of(folder)[0]).startswith("action broken: cannot be run (")


def test_a_missing_folder_has_no_programs(tmp_path: Path) -> None:
    assert list(programs_in(tmp_path / "nowhere")) == []
