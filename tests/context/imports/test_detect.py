"""What a file or folder is tells who reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.context.imports import detect
from auricle.context.imports.detect import read_import
from auricle.errors import ImportedFileError

CARD = "BEGIN:VCARD\nFN:{}\nEND:VCARD\n"


def test_a_folder_of_cards_is_an_address_book(tmp_path: Path) -> None:
    (tmp_path / "a.vcf").write_text(CARD.format("Ann"))
    (tmp_path / "b.VCF").write_text(CARD.format("Bob"))
    imported = read_import(tmp_path)
    assert (imported.kind, imported.source) == ("contacts", "vcard")
    assert [entry.written for entry in imported.entries] == ["Ann", "Bob"]


def test_the_folder_of_home_assistant_is_known_by_its_registry(tmp_path: Path) -> None:
    registry = tmp_path / ".storage" / "core.entity_registry"
    registry.parent.mkdir()
    registry.write_text('{"data": {"entities": [{"entity_id": "a.b", "name": "Lamp"}]}}')
    for path in (tmp_path, registry):
        imported = read_import(path)
        assert (imported.kind, imported.source) == ("appliances", "home-assistant")
        assert [entry.written for entry in imported.entries] == ["Lamp"]


def test_any_other_folder_is_music(tmp_path: Path) -> None:
    with pytest.raises(ImportedFileError, match="contains no music"):
        read_import(tmp_path)


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detect, "MOST_BYTES", 10)
    (tmp_path / "a.vcf").write_text(CARD)
    with pytest.raises(ImportedFileError, match="is larger than"):
        read_import(tmp_path / "a.vcf")
