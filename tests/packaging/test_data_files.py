"""The package installs the data files that the daemon needs."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def installed() -> dict[Path, str]:
    """Return the files that setup.cfg installs and their target folders."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return {
        file: folder
        for folder, patterns in setup["options.data_files"].items()
        for pattern in patterns.split()
        for file in ROOT.glob(pattern)
    }


def test_every_model_is_installed_where_it_is_looked_for() -> None:
    places = installed()
    # Records of training and of older versions, which no device needs.
    left_out = {ROOT / "models" / "curves", ROOT / "models" / "archive"}
    for file in (ROOT / "models").glob("*/**/*"):
        if file.is_file() and file.parent not in left_out:
            assert places[file] == f"share/auricle/{file.parent.relative_to(ROOT)}", file


def test_the_documented_configuration_is_installed_where_it_is_looked_for() -> None:
    assert installed()[ROOT / "etc" / "auricle.yaml"] == "share/auricle"
