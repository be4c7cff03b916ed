"""What is said of the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.config import Config
from auricle.config.schema import RecognizerSettings, WakeModel, WakeSettings
from auricle.diagnosis.finding import FindingStatus
from auricle.diagnosis.models import examine_models, judge_speed


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
    assert "install it or name another" in found["wake words"].remedy


@pytest.mark.parametrize(
    ("cost", "status"),
    [(0.1, FindingStatus.OK), (0.7, FindingStatus.WARNING), (1.3, FindingStatus.PROBLEM)],
)
def test_a_recogniser_that_cannot_keep_up_is_told(cost: float, status: FindingStatus) -> None:
    finding = judge_speed(cost)
    assert finding.status is status
    assert f"{cost:.2f} s" in finding.found
