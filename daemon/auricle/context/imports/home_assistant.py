"""Appliances from Home Assistant's entity registry, `.storage/core.entity_registry`.

In: the JSON text of the file. Out: one entry an entity that a person may name: those that are
disabled, hidden, or for diagnosis and settings are passed over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from auricle.context.imports.imported import Imported
from auricle.errors import ImportedFileError

PASSED_OVER = ("disabled_by", "hidden_by", "entity_category")


def read_registry(data: bytes, path: Path, into: Imported) -> None:
    """Add the appliances of a registry; raises ImportedFileError if it is none."""
    try:
        entities = json.loads(data)["data"]["entities"]
        for entity in entities:
            _add(entity, into)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ImportedFileError(
            f"{path}: is no entity registry of Home Assistant; name its "
            ".storage/core.entity_registry, or the folder that holds .storage"
        ) from error


def _add(entity: dict[str, Any], into: Imported) -> None:
    if any(entity.get(key) is not None for key in PASSED_OVER):
        return
    name = entity.get("name") or entity.get("original_name")
    if not isinstance(name, str):
        return  # it is called as its device is, which this file does not tell
    aliases = [alias for alias in entity.get("aliases") or () if isinstance(alias, str)]
    into.add(name, aliases, str(entity["entity_id"]))
