"""Configuration and models are found by a checkout and by an installed package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from auricle.config import locations
from auricle.errors import ModelError

ROOT = Path(__file__).parents[2]


def test_a_checkout_searches_its_own_models_first() -> None:
    assert locations.checkout() == ROOT
    assert locations.model_folders()[0] == ROOT / "models"


def test_an_installed_package_searches_its_environment_then_the_distribution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locations, "checkout", lambda: None)
    monkeypatch.setattr(sys, "prefix", "/opt/own")
    assert [str(folder) for folder in locations.model_folders()] == [
        "/opt/own/share/auricle/models",
        "/usr/local/share/auricle/models",
        "/usr/share/auricle/models",
    ]


def test_no_folder_is_searched_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert len(set(locations.model_folders())) == len(locations.model_folders())


def test_the_owners_own_configuration_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "auricle" / "auricle.yaml"
    own.parent.mkdir()
    own.touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert locations.find_config() == own


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/auricle"}, "/var/lib/auricle"),
        ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "XDG_STATE_HOME": "/x"}, "/var/lib/a"),
        ({"XDG_STATE_HOME": "/x"}, "/x/auricle"),
        ({"HOME": "/home/ann"}, "/home/ann/.local/state/auricle"),
    ],
)
def test_what_is_kept_lies_where_systemd_says_or_in_the_home(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(locations.state_folder()) == folder


def test_the_shipped_configuration_is_read_when_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(locations, "SYSTEM_CONFIG", tmp_path / "missing.yaml")
    assert locations.find_config() == ROOT / "etc" / "auricle.yaml"


def test_the_system_configuration_is_named_when_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(locations, "SYSTEM_CONFIG", tmp_path / "missing.yaml")
    monkeypatch.setattr(locations, "checkout", lambda: None)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert locations.find_config() == tmp_path / "missing.yaml"


def test_a_bundle_is_found_in_the_first_folder_that_holds_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        (folder / "shared").mkdir(parents=True)
    (second / "only").mkdir()
    assert locations.find_bundle("shared", [first, second]) == first / "shared"
    assert locations.find_bundle("only", [first, second]) == second / "only"


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    model = tmp_path / "own.json"
    model.touch()
    assert locations.find_bundle(str(tmp_path), []) == tmp_path
    assert locations.find_wake_model(str(model), []) == model


def test_a_wake_model_is_found_by_the_name_of_its_json_file(tmp_path: Path) -> None:
    (tmp_path / "wake").mkdir()
    (tmp_path / "wake" / "alexa.json").touch()
    assert locations.find_wake_model("alexa", [tmp_path]) == tmp_path / "wake" / "alexa.json"


def test_a_model_that_is_nowhere_is_told_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"^recognizer\.bundle: no model xx in {tmp_path}; "):
        locations.find_bundle("xx", [tmp_path])
    with pytest.raises(ModelError, match=r"^wake\.models: /nowhere/x\.json does not exist; "):
        locations.find_wake_model("/nowhere/x.json", [tmp_path])
