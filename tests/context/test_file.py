"""The file of names that a person may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.context.entries import Context, Entry
from auricle.context.file import read_context
from auricle.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "names.yaml"


def test_the_names_are_read_each_once_and_without_white_space_around(file: Path) -> None:
    file.write_text('contacts: [Zoë, Ann Lee, " Zoë "]\nmedia:\n- "1975"\n', encoding="utf-8")
    assert read_context(file) == Context(
        (Entry("contacts", "Zoë"), Entry("contacts", "Ann Lee"), Entry("media", "1975"))
    )


def test_lists_may_be_empty_or_missing(file: Path) -> None:
    for text in ("", "contacts:\nmedia: []\n"):
        file.write_text(text, encoding="utf-8")
        assert read_context(file) == Context()


def test_ten_thousand_names_are_read(file: Path) -> None:
    names = [f"somebody with a long name {number}" for number in range(10_000)]
    file.write_text("contacts:\n" + "".join(f"- {name}\n" for name in names), encoding="utf-8")
    assert [entry.written for entry in read_context(file).of("contacts")] == names


def test_every_mistake_is_told_with_its_line(file: Path) -> None:
    file.write_text(
        'contact: [Ann]\ncontacts: Ann\nappliances:\n- lamp\n- 12\nmedia: [""]\n', encoding="utf-8"
    )
    name = "a name: text of 1 to 200 characters on one line (in quotes, if it looks like a number)"
    with pytest.raises(ConfigError) as caught:
        read_context(file)
    assert str(caught.value).splitlines() == [
        f"{file}:1: contact: unknown key; the keys here are contacts, appliances, media",
        f"{file}:2: contacts: Ann: must be a list, each item {name}",
        f"{file}:5: appliances[1]: 12: must be {name}",
        f'{file}:6: media[0]: "": must be {name}',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- Ann\n", ":1: must be a mapping of lists: contacts, appliances, media"),
        ("contacts: [", "is not YAML"),
        ("contacts:\n- &a Ann\n- *a\n", ":3: aliases (*name) are not taken"),
        (f"contacts: [{'n' * 201}]\n", ":1: contacts[0]:"),
    ],
)
def test_what_is_no_list_of_names_is_refused(file: Path, text: str, told: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_context(file)
    assert told in str(caught.value)


def test_a_missing_file_is_told(file: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_context(file)
