"""Imports appliances from Home Assistant's entity registry, `.storage/core.entity_registry`.

In: the JSON text of the file. Out: one entry per entity. Entities that are disabled, hidden, or for
diagnostics or configuration are skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auricle.context.imports.imported import Imported
from auricle.errors import ImportedFileError, MalformedError
from auricle.parsing.json_text import parse_json
from auricle.parsing.limits import Limits

LIMITS = Limits(bytes=256 * 1024 * 1024, depth=100, nodes=20_000_000)  # `detect` bounds the file
SKIPPED_IF_SET = ("disabled_by", "hidden_by", "entity_category")


def read_registry(data: bytes, path: Path, into: Imported) -> None:
    """Add the appliances of an entity registry to `into`.

    Raises:
        ImportedFileError: the file is not an entity registry.
    """
    try:
        entities = parse_json(data, LIMITS)["data"]["entities"]
        for entity in entities:
            _add(entity, into)
    except (ValueError, TypeError, LookupError, AttributeError, MalformedError) as error:
        raise ImportedFileError(
            f"{path}: is not an entity registry of Home Assistant; name its "
            ".storage/core.entity_registry, or the folder that contains .storage"
        ) from error


def _add(entity: dict[str, Any], into: Imported) -> None:
    if any(entity.get(key) is not None for key in SKIPPED_IF_SET):
        return
    name = entity.get("name") or entity.get("original_name")
    if not isinstance(name, str):
        return  # it has the name of its device, which is not in this file
    aliases = [alias for alias in entity.get("aliases") or () if isinstance(alias, str)]
    into.add(name, aliases, str(entity["entity_id"]))
