"""What is said of the models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from auricle.config import Config, locations
from auricle.config.schema import RecognizerSettings, WakeModel, WakeSettings
from auricle.diagnosis.finding import FindingStatus
from auricle.diagnosis.models import _examine_wake, examine_models, judge_speed

SHIPPED = Path(__file__).parents[2] / "models" / "wake"


def test_the_shipped_models_are_whole() -> None:
    found = {one.check: one for one in examine_models(Config())}
    assert list(found) == ["runtime", "recognizer", "speed", "wake words"]
    whole = ("runtime", "recognizer", "wake words")
    assert [found[check].status for check in whole] == [FindingStatus.OK] * 3


def test_each_missing_model_is_told(tmp_path: Path) -> None:
    config = Config(
        recognizer=RecognizerSettings(bundle=str(tmp_path)),
        wake=WakeSettings(models=(WakeModel(model="no_such_word"),)),
    )
    found = {one.check: one for one in examine_models(config)}
    assert found["recognizer"].status is FindingStatus.PROBLEM
    assert "install the bundle again" in found["recognizer"].remedy
    assert found["wake words"].status is FindingStatus.PROBLEM
    assert "no_such_word" in found["wake words"].found
    assert "name one of alexa" in found["wake words"].remedy


def test_a_changed_wake_word_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "wake"))
    monkeypatch.setattr(locations, "model_folders", lambda: (tmp_path,))
    config = Config(wake=WakeSettings(models=(WakeModel(model="alexa"),)))
    assert _examine_wake(config).found == "all can be loaded; match their manifest: alexa"
    path = folder / "alexa.json"
    path.write_text(path.read_text().replace("0.9", "0.1"))
    found = {one.check: one for one in examine_models(config)}["wake words"]
    assert found.status is FindingStatus.PROBLEM
    assert "alexa.json: sha256 is" in found.found
    assert "install the bundle again" in found.remedy


def test_an_own_wake_word_is_listed_as_without_a_manifest(tmp_path: Path) -> None:
    for suffix in ("json", "tflite"):
        shutil.copyfile(SHIPPED / f"alexa.{suffix}", tmp_path / f"alexa.{suffix}")
    own = str(tmp_path / "alexa.json")
    config = Config(wake=WakeSettings(models=(WakeModel(model="okay_nabu"), WakeModel(model=own))))
    assert _examine_wake(config).found == (
        f"all can be loaded; match their manifest: okay_nabu; have no manifest: {own}"
    )


@pytest.mark.parametrize(
    ("cost", "status"),
    [(0.1, FindingStatus.OK), (0.7, FindingStatus.WARNING), (1.3, FindingStatus.PROBLEM)],
)
def test_a_recogniser_that_cannot_keep_up_is_told(cost: float, status: FindingStatus) -> None:
    finding = judge_speed(cost)
    assert finding.status is status
    assert f"{cost:.2f} s" in finding.found
