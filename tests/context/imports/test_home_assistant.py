"""Appliances from Home Assistant's entity registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auricle.context.entries import Entry
from auricle.context.imports.home_assistant import read_registry
from auricle.context.imports.imported import Imported
from auricle.errors import ImportedFileError

ENTITY = {
    "aliases": [],
    "disabled_by": None,
    "entity_category": None,
    "entity_id": "light.ceiling",
    "hidden_by": None,
    "name": None,
    "original_name": "Ceiling",
}


def registry(*entities: object) -> bytes:
    content = {"version": 1, "key": "core.entity_registry", "data": {"entities": entities}}
    return json.dumps(content).encode()


def appliances(data: bytes) -> Imported:
    imported = Imported("appliances", "home-assistant")
    read_registry(data, Path("core.entity_registry"), imported)
    return imported


@pytest.mark.parametrize(
    ("changes", "entry"),
    [
        ({}, Entry("appliances", "Ceiling", id="light.ceiling")),
        ({"name": "Big light"}, Entry("appliances", "Big light", id="light.ceiling")),
        (
            {"aliases": ["lamp", None, "lamp", "Ceiling"]},
            Entry("appliances", "Ceiling", ("lamp",), id="light.ceiling"),
        ),
        ({"original_name": None}, None),
        ({"disabled_by": "user"}, None),
        ({"hidden_by": "integration"}, None),
        ({"entity_category": "diagnostic"}, None),
    ],
)
def test_an_entity_that_a_person_may_name_is_an_entry(
    changes: dict[str, object], entry: Entry | None
) -> None:
    imported = appliances(registry({**ENTITY, **changes}))
    assert imported.entries == (() if entry is None else (entry,))


def test_two_lamps_of_the_same_name_are_two() -> None:
    imported = appliances(registry(ENTITY, {**ENTITY, "entity_id": "light.other"}, ENTITY))
    assert [entry.id for entry in imported.entries] == ["light.ceiling", "light.other"]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, registry(1), b'{"data": {"entities": 5}}']
)
def test_what_is_no_registry_is_refused(data: bytes) -> None:
    with pytest.raises(ImportedFileError, match="is not an entity registry of Home Assistant"):
        appliances(data)
