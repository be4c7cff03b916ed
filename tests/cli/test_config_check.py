"""`auricle config check`, as a person or a program calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AURICLE = (sys.executable, "-m", "auricle.cli.main")


def auricle(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*AURICLE, *words], capture_output=True, text=True, check=False)


def test_a_sound_file_prints_ok(tmp_path: Path) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("log: {level: debug}\n", encoding="utf-8")
    done = auricle("config", "check", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{file}: OK\n", "")


def test_each_mistake_is_one_line_on_standard_error(tmp_path: Path) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("log:\n  level: loud\n  levle: info\n", encoding="utf-8")
    done = auricle("config", "check", file)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"{file}:2: log.level: loud: must be debug, info, warning or error",
        f"{file}:3: log.levle: unknown key; did you mean level?",
    ]


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("!!int", "must be written without the tag !!int"),
        ("!!float ''", "must be written without the tag !!float"),
        ("0b_", "is neither a number, nor text, nor true or false"),
    ],
)
def test_a_value_that_the_parser_fails_on_is_a_mistake(
    tmp_path: Path, written: str, remedy: str
) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text(f"log:\n  level: {written}\n", encoding="utf-8")
    done = auricle("config", "check", file)
    assert (done.returncode, done.stderr) == (1, f"{file}:2: log.level: {written}: {remedy}\n")
    names = tmp_path / "names.yaml"
    names.write_text(f"contacts:\n- {written}\n", encoding="utf-8")
    done = auricle("transcribe", "--context", names, tmp_path / "missing.wav")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{names}:2: contacts[0]: {written}: {remedy}" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_is_one_object_with_every_mistake(tmp_path: Path) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("arbiter: {threads: 99}\n", encoding="utf-8")
    done = auricle("config", "check", "--json", file)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "file": str(file),
        "ok": False,
        "mistakes": [
            {
                "file": str(file),
                "line": 1,
                "key": "arbiter.threads",
                "value": "99",
                "remedy": "must be a whole number from 1 to 16",
            }
        ],
        "warnings": [],
    }


def test_without_a_file_the_one_the_daemon_would_read_is_checked(tmp_path: Path) -> None:
    own = tmp_path / "auricle" / "auricle.yaml"
    own.parent.mkdir()
    own.write_text("", encoding="utf-8")
    done = subprocess.run(
        [*AURICLE, "config", "check"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )
    assert done.stdout == f"{own}: OK\n"


def test_a_file_name_that_is_not_utf8_is_printed_escaped(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml"))
    file.write_text("", encoding="utf-8")
    assert auricle("config", "check", file).stdout == f"{tmp_path}/\\udcff.yaml: OK\n"
    assert json.loads(auricle("config", "check", "--json", file).stdout)["ok"]
