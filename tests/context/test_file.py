"""The file of names that a person may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.context.entries import Context, Entry
from auricle.context.file import read_context, read_names
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
        ("contacts:\n- &a Ann\n- *a\n", ":3: aliases (*name) are not supported"),
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


def test_an_item_may_say_more_than_a_name(file: Path) -> None:
    file.write_text(
        "appliances:\n"
        "- Lamp\n"
        "- {name: Batcave, spoken: [bat cave, Batcave, bat  cave], weight: 2, id: light.batcave}\n"
        "- {name: Lamp, id: light.2}\n"
        "- {name: Lamp, weight: 0}\n",
        encoding="utf-8",
    )
    assert read_context(file).entries == (
        Entry("appliances", "Lamp", weight=0.0),
        Entry("appliances", "Batcave", ("bat cave",), 2.0, "light.batcave"),
        Entry("appliances", "Lamp", id="light.2"),
    )


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (
            "{spoken: [a]}",
            "contacts[0]: {spoken: [a]}: must have the key name; the keys are name, spoken",
        ),
        ("{name: 5}", "contacts[0].name: 5: must be a name: text of 1 to 200"),
        ("{name: A, says: b}", "contacts[0].says: b: unknown key; the keys here are name, spoken"),
        ("{name: A, spoken: b}", "contacts[0].spoken: b: must be a list of up to 8 names"),
        (f"{{name: A, spoken: [{'b, ' * 9}]}}", "must be a list of up to 8 names"),
        ("{name: A, spoken: [b, 5]}", "contacts[0].spoken[1]: 5: must be a name"),
        ("{name: A, weight: -1}", "contacts[0].weight: -1: must be a number from 0 to 10"),
        ("{name: A, id: ''}", "contacts[0].id: '': must be"),
        ("[A]", "contacts[0]: [A]: must be a name"),
        ("'A\n\n  B'", "must be a name: text of 1 to 200 characters on one line"),
    ],
)
def test_each_mistake_in_an_item_is_told_with_its_place(file: Path, item: str, told: str) -> None:
    file.write_text(f"contacts:\n- {item}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_context(file)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{file}:2: ")
    assert told in line


@pytest.mark.parametrize(
    "text",
    [
        "Ann Lee\r\n\r\n  Zoë \r\nAnn Lee\r\n#1 fan\r\nA: B\r\n",
        '- Ann Lee\n- Zoë\n- Ann Lee\n- "#1 fan"\n- "A: B"\n',
        '# mine\n\n["Ann Lee", Zoë, "#1 fan", "A: B"]\n',
        'contacts: [Ann Lee, Zoë, "#1 fan", "A: B"]\nmedia: [X]\n',
        '---\ncontacts:\n- Ann Lee\n- Zoë\n- "#1 fan"\n- "A: B"\n',
    ],
)
def test_the_names_of_one_kind_come_as_lines_or_yaml(file: Path, text: str) -> None:
    file.write_bytes(text.encode())
    names = [entry.written for entry in read_names(file, "contacts")]
    assert names == ["Ann Lee", "Zoë", "#1 fan", "A: B"]


def test_an_empty_list_is_meant(file: Path) -> None:
    for text in ("contacts: []\n", "contacts:\n", "[]\n", "\n"):
        file.write_text(text)
        assert read_names(file, "contacts") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Ann\n" + "n" * 201, ":2: nnnnn"),
        ("Ann\nB\x07b\n", ":2: B b: must be a name"),
        ("- Ann\n- 5\n", ":2: contacts[1]: 5: must be a name"),
        ("media: 5\n", ":1: media: 5: must be a list"),
        ("[Ann", "is not YAML"),
        ("media: [Ann]\n", ": has no list contacts; write one, or an empty one: contacts: []"),
        ("---\n", ": has no list contacts"),
    ],
)
def test_mistakes_in_the_names_of_one_kind_are_told_with_their_lines(
    file: Path, text: str, told: str
) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_names(file, "contacts")
    assert str(caught.value).startswith(str(file))
    assert told in str(caught.value)
