"""A mode file that cannot be read never loosens privacy, and is kept."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from auricle.config.schema import PrivacySettings
from auricle.privacy.guard import Guard, Places
from auricle.privacy.mode import STRICTEST, ModeFile, PrivacyMode, Switch, effective

DAMAGED = [b"", b"lattice", b"lattice lattice lattice", b"LATTICE local", b"\xff\xfe", b"\0" * 50]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "privacy"
    folder.mkdir()
    return folder / "mode"


def test_a_switch_is_read_again(file: Path) -> None:
    assert ModeFile(file).load() == (None, "")
    switch = Switch(PrivacyMode.LATTICE, PrivacyMode.LOCAL)
    ModeFile(file).save(switch)
    assert ModeFile(file).load() == (switch, "")


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_set_aside_and_the_mode_is_local(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    switch, told = ModeFile(file).load()
    assert switch == STRICTEST
    assert told.startswith(f"{file} was damaged and is now mode.damaged; the mode is local until")
    assert file.with_name("mode.damaged").read_bytes() == content
    assert ModeFile(file).load() == (STRICTEST, "")  # reported once, and still local
    assert {effective(mode, STRICTEST) for mode in PrivacyMode} == {PrivacyMode.LOCAL}


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "huge"])
def test_an_oversized_or_irregular_mode_file_counts_as_local(file: Path, kind: str) -> None:
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "device":
            file.symlink_to("/dev/zero")
        case _:
            file.write_bytes(b"lattice lattice" + b" " * 10_000)
    switch, told = ModeFile(file).load()
    assert (switch, told.endswith("Until then the mode is local")) == (STRICTEST, True)


def test_the_guard_starts_in_local_and_reports_the_damage_once(file: Path) -> None:
    file.write_bytes(b"lattice lattic")
    told: list[str] = []

    async def start() -> PrivacyMode:
        guard = Guard(
            PrivacySettings(mode="lattice"),
            Places(file.parent, file.parent / "socket", {os.getuid()}),
            "en",
            lambda: None,
            lambda _: None,
            lambda: asyncio.sleep(0),
            report_damage=told.append,
        )
        await guard.load()
        mode = guard.mode
        await guard.close()
        return mode

    assert [asyncio.run(start()) for _ in range(2)] == [PrivacyMode.LOCAL] * 2
    assert len(told) == 1
