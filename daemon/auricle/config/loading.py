"""From files to a `Config`: the main file, then its drop-ins in the order of their names.

In: the path of the main file; the drop-ins are `*.yaml` in the folder beside it that adds `.d` to
its name. A key in a later file replaces the same key of an earlier one. Out: a `Config`, or every
mistake in every file, each with its place.
"""

from __future__ import annotations

import difflib
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from auricle.config.checks import UnfitError
from auricle.config.document import Value, read_document
from auricle.config.mistakes import Mistake, shown
from auricle.config.rules import RULES
from auricle.config.schema import Config
from auricle.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Examination:
    """What reading a configuration showed: either a config or mistakes."""

    config: Config | None  # None when there are mistakes
    mistakes: tuple[Mistake, ...]  # file by file and line by line; last those between keys


@dataclass(frozen=True, slots=True)
class Setting:
    """A key that an owner has set."""

    value: Any  # in the type of the schema
    text: str  # as written
    file: Path
    line: int


@dataclass(slots=True)
class Gathered:
    """What the files say, as far as it has been read."""

    settings: dict[str, Setting] = field(default_factory=dict)  # by dotted path
    broken: set[str] = field(default_factory=set)  # dotted paths whose value is a mistake
    mistakes: list[Mistake] = field(default_factory=list)


def load(path: Path) -> Config:
    """Return the configuration in a file and its drop-ins.

    Raises:
        ConfigError: with one line for each mistake, `FILE:LINE: key.path: value: what would be
            right`.
    """
    return config_or_error(examine(path))


def examine(path: Path) -> Examination:
    """Read a file and its drop-ins, and tell all that is wrong with them."""
    return conclude(gather(path))


def reload(current: Config, path: Path) -> Config:
    """Return the new configuration for a daemon that runs with `current`.

    Raises:
        ConfigError: when there are mistakes, or a key has changed that only a restart can change;
            the caller then keeps `current`.
    """
    gathered = gather(path)
    new = config_or_error(conclude(gathered))
    mistakes = []
    for key in restart_keys():
        old_value, new_value = value_of(current, key), value_of(new, key)
        if old_value != new_value:
            remedy = f"cannot change from {old_value} while Auricle runs; restart it"
            setting = gathered.settings.get(key)
            if setting is None:
                mistakes.append(Mistake(file=path, line=0, key=key, remedy=remedy))
            else:
                mistakes.append(mistake_at(setting, key, remedy))
    if mistakes:
        raise config_error(mistakes)
    return new


def config_or_error(examination: Examination) -> Config:
    """Return the config of an examination, or raise its mistakes as a `ConfigError`."""
    if examination.config is None:
        raise config_error(examination.mistakes)
    return examination.config


def config_error(mistakes: list[Mistake] | tuple[Mistake, ...]) -> ConfigError:
    """Return the error that tells mistakes, one a line."""
    return ConfigError("\n".join(str(mistake) for mistake in mistakes))


def gather(path: Path) -> Gathered:
    """Read the main file and the drop-ins, and check each key by itself."""
    gathered = Gathered()
    for file in (path, *drop_ins(path, gathered)):
        read_file(file, gathered)
    return gathered


def drop_ins(path: Path, gathered: Gathered) -> list[Path]:
    """Return the drop-ins of a main file in the order of their names; hidden files are none."""
    folder = path.with_name(path.name + ".d")
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.name[0] != ".")
    except FileNotFoundError:
        return []
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}; let it be a folder that Auricle may read"
        gathered.mistakes.append(Mistake(file=folder, line=0, remedy=remedy))
        return []
    for name in names:
        if name.endswith(".yml"):
            remedy = "is not read; a drop-in's name must end in .yaml"
            gathered.mistakes.append(Mistake(file=folder / name, line=0, remedy=remedy))
    return [folder / name for name in names if name.endswith(".yaml")]


def read_file(path: Path, gathered: Gathered) -> None:
    """Read one file into what has been gathered."""
    document, mistakes = read_document(path)
    gathered.mistakes += mistakes
    ill_formed = {mistake.key for mistake in mistakes}
    if document is None or document.content is None:
        return
    if not isinstance(document.content, dict):
        remedy = "must be a mapping of sections, such as `audio:`"
        gathered.mistakes.append(Mistake(file=path, line=document.line, remedy=remedy))
        return
    sections = {section.name: section for section in fields(Config)}
    for name, value in document.content.items():
        if name not in sections:
            remedy = f"unknown key; {suggestion(name, list(sections))}"
            gathered.mistakes.append(
                Mistake(file=path, line=value.line, key=shown(name), remedy=remedy)
            )
        else:
            read_section(path, sections[name], value, gathered, ill_formed)


def read_section(
    path: Path, section: Field[Any], value: Value, gathered: Gathered, ill_formed: set[str]
) -> None:
    """Read the keys of one section; an empty section sets nothing."""
    if value.content is None:
        return
    keys = {key.name: key for key in fields(section.metadata["section"])}
    if not isinstance(value.content, dict):
        remedy = f"must be a mapping with the keys {', '.join(keys)}"
        gathered.mistakes.append(
            Mistake(file=path, line=value.line, key=section.name, value=value.text, remedy=remedy)
        )
        return
    for name, item in value.content.items():
        dotted = f"{section.name}.{name}"
        if name not in keys:
            remedy = f"unknown key; {suggestion(name, list(keys))}"
            gathered.mistakes.append(
                Mistake(file=path, line=item.line, key=shown(dotted), remedy=remedy)
            )
        elif any(key == dotted or key.startswith(f"{dotted}[") for key in ill_formed):
            gathered.broken.add(dotted)
        else:
            read_key(path, dotted, keys[name], item, gathered)


def read_key(path: Path, dotted: str, key: Field[Any], value: Value, gathered: Gathered) -> None:
    """Check the value of one key, and keep it when it fits."""
    try:
        fitting = key.metadata["check"].read(value.plain())
    except UnfitError as error:
        gathered.broken.add(dotted)
        for fault in error.faults:
            place = value.at(fault.path)
            gathered.mistakes.append(
                Mistake(
                    file=path,
                    line=place.line,
                    key=dotted + path_text(fault.path),
                    value=place.text,
                    remedy=fault.remedy,
                )
            )
    else:
        gathered.settings[dotted] = Setting(fitting, value.text, path, value.line)


def path_text(path: tuple[int | str, ...]) -> str:
    """Return list indices and mapping keys as they follow a dotted path: `[1].cutoff`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path)


def suggestion(unknown: str, names: list[str]) -> str:
    """Return what the writer of an unknown key may have meant."""
    if close := difflib.get_close_matches(unknown, names, n=1):
        return f"did you mean {close[0]}?"
    everywhere = [
        f"{section.name}.{key.name}"
        for section in fields(Config)
        for key in fields(section.metadata["section"])
        if key.name == unknown
    ]
    if everywhere:
        return f"did you mean {' or '.join(everywhere)}?"
    return f"the keys here are {', '.join(names)}"


def conclude(gathered: Gathered) -> Examination:
    """Build the config and hold the rules between keys against it."""
    config = build(gathered.settings)
    files = list(dict.fromkeys(mistake.file for mistake in gathered.mistakes))
    mistakes = sorted(gathered.mistakes, key=lambda one: (files.index(one.file), one.line))
    for rule in RULES:
        if gathered.broken.isdisjoint(rule.keys) and not rule.holds(config):
            told = next(key for key in rule.keys if key in gathered.settings)
            others = [f"{key} is {value_of(config, key)}" for key in rule.keys if key != told]
            remedy = f"{rule.remedy} ({', '.join(others)})" if others else rule.remedy
            mistakes.append(mistake_at(gathered.settings[told], told, remedy))
    return Examination(None if mistakes else config, tuple(mistakes))


def mistake_at(setting: Setting, key: str, remedy: str) -> Mistake:
    """Return the mistake that a key is set as it is."""
    return Mistake(file=setting.file, line=setting.line, key=key, value=setting.text, remedy=remedy)


def build(settings: dict[str, Setting]) -> Config:
    """Return the config with the keys that are set, and the defaults of the others."""
    sections = {}
    for section in fields(Config):
        kind = section.metadata["section"]
        dotted = {key.name: f"{section.name}.{key.name}" for key in fields(kind)}
        values = {name: settings[path].value for name, path in dotted.items() if path in settings}
        sections[section.name] = kind(**values)
    return Config(**sections)


def restart_keys() -> list[str]:
    """Return the dotted paths of the keys that only a restart can change."""
    return [
        f"{section.name}.{key.name}"
        for section in fields(Config)
        for key in fields(section.metadata["section"])
        if key.metadata["restart"]
    ]


def value_of(config: Config, dotted: str) -> object:
    """Return the value of a dotted path."""
    section, key = dotted.split(".")
    value: object = getattr(getattr(config, section), key)
    return value
