"""`auricle config show [FILE]`: prints the effective configuration and where each value comes from.

A query in the address of the reranker may hold a key, so it is not shown.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from auricle.config.loading import Setting, conclude, config_or_error, gather, value_of
from auricle.config.locations import find_config
from auricle.config.schema import Config, WakeModel

HIDDEN = "?(not shown)"
COLUMN = 44  # where the source of a value begins


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key with its effective value."""

    key: str  # dotted path
    value: object  # plain Python, without secrets
    is_default: bool
    file: str | None  # that sets it; None: no file
    line: int | None


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action `show`."""
    own = actions.add_parser(
        "show",
        help="print the effective configuration",
        description="Print every key with its effective value, and with the file and line of each "
        "value that differs from the default.",
    )
    own.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        type=Path,
        help="the main file (default: that of the daemon)",
    )
    own.add_argument("--changed", action="store_true", help="only values that are not the default")
    own.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per key: key, value, is_default, file, line",
    )
    own.set_defaults(work=show)


def show(arguments: argparse.Namespace) -> int:
    """Print the configuration; return 0.

    Raises:
        ConfigError: the configuration has mistakes.
    """
    keys = effective_keys(arguments.file or find_config())
    chosen = [key for key in keys if not (arguments.changed and key.is_default)]
    if arguments.json:
        lines = [json.dumps(asdict(key), ensure_ascii=False) for key in chosen]
    else:
        lines = list(as_yaml(chosen))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def effective_keys(path: Path) -> list[ShownKey]:
    """Return all keys of a configuration in the order of the schema.

    Raises:
        ConfigError: the configuration has mistakes.
    """
    gathered = gather(path)
    config, defaults = config_or_error(conclude(gathered)), Config()
    return [
        shown_key(key, value_of(config, key), value_of(defaults, key), gathered.settings.get(key))
        for key in dotted_keys()
    ]


def dotted_keys() -> Iterator[str]:
    """Yield the dotted paths of all keys."""
    for section in fields(Config):
        for key in fields(section.metadata["section"]):
            yield f"{section.name}.{key.name}"


def shown_key(key: str, value: object, default: object, setting: Setting | None) -> ShownKey:
    """Return a key with the place that sets it."""
    return ShownKey(
        key=key,
        value=plain(value),
        is_default=value == default,
        file=str(setting.file) if setting else None,
        line=setting.source.line if setting else None,
    )


def plain(value: object) -> Any:
    """Return a value of the schema as it is written in YAML, without secrets."""
    if isinstance(value, WakeModel) and value.cutoff is None:
        return value.model
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(part) for name, part in asdict(value).items() if part is not None}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, str) and value.startswith("https://"):
        address, separator, _ = value.partition("?")
        return address + (HIDDEN if separator else "")
    return value


def as_yaml(keys: list[ShownKey]) -> Iterator[str]:
    """Yield the lines of a YAML file with these keys."""
    before = ""
    for shown in keys:
        section, _, name = shown.key.partition(".")
        if section != before:
            yield f"{section}:"
        before = section
        written = yaml.safe_dump(
            shown.value, default_flow_style=True, width=10_000, allow_unicode=True
        )
        line = f"  {name}: {written.splitlines()[0]}"
        if not shown.is_default:
            line = f"{line:{COLUMN}} # {shown.file}:{shown.line}"
        yield line
