"""Former names of training steps still work, and the help lists only the current names."""

from __future__ import annotations

import re

import pytest

from auricle_train.__main__ import FORMER_NAMES, main, summaries


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("former", "step"), FORMER_NAMES.items())
def test_a_former_name_shows_the_help_of_its_step(
    former: str, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = help_of(capsys, former)
    assert told == help_of(capsys, step)
    assert f"auricle_train {step} " in told


def test_the_help_lists_every_step_and_no_former_name(capsys: pytest.CaptureFixture[str]) -> None:
    listed = set(re.findall(r"^ {4}([a-z-]+)(?: |$)", help_of(capsys), re.MULTILINE))
    assert listed == set(summaries())
    assert listed.isdisjoint(FORMER_NAMES)
