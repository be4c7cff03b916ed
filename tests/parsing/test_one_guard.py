"""Unchecked JSON and YAML are parsed by `auricle.parsing` alone, which knows all limits."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "daemon" / "auricle"
PARSERS = {
    "json": {"load", "loads", "JSONDecoder"},
    "yaml": {"load", "safe_load", "load_all", "safe_load_all", "full_load", "compose", "parse"},
    "pickle": {"load", "loads"},
    "tomllib": {"load", "loads"},
    "plistlib": {"load", "loads"},
}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "parsing")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_other_module_parses(path: Path) -> None:
    found = [
        f"{path}:{node.lineno}: {node.value.id}.{node.attr}"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr in PARSERS.get(node.value.id, ())
    ]
    assert not found, "use auricle.parsing instead"
