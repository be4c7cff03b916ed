"""Recordings that cannot be read are found before any model is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.audio.piped import STANDARD_INPUT
from auricle.cli.main import main
from auricle.cli.recordings import readable_recordings
from testbed.recordings import Recording


def refuse_to_load(*_: object, **__: object) -> None:
    raise AssertionError("models were loaded before the recordings were checked")


@pytest.mark.parametrize(
    ("command", "loader"), [("transcribe", "load_models"), ("detect", "load_wake")]
)
def test_missing_recordings_are_reported_before_models_are_loaded(
    command: str,
    loader: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(f"auricle.cli.{command}.{loader}", refuse_to_load)
    (tmp_path / "text.wav").write_text("no audio", encoding="utf-8")
    files = [str(tmp_path / name) for name in ("missing.wav", "text.wav")]
    assert main([command, *files]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"auricle: {files[0]} does not exist; check the name"
    assert second.startswith(f"auricle: {files[1]} is not audio")


def test_the_other_recordings_are_still_used(
    tmp_path: Path, recordings: dict[str, Recording], capsys: pytest.CaptureFixture[str]
) -> None:
    good = recordings["go"].path
    assert readable_recordings([tmp_path / "missing.wav", good, STANDARD_INPUT]) == [
        good,
        STANDARD_INPUT,
    ]
    assert len(capsys.readouterr().err.splitlines()) == 1
