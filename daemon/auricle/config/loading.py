"""Loads a `Config` from the main file and its drop-ins.

In: the path of the main file, such as auricle.yaml. The drop-ins are the files `*.yaml` in the
folder auricle.yaml.d beside it, in the order of their names. A key in a later file overrides the
same key of an earlier file. Out: a `Config`, or all mistakes in all files with their lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
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
class Setting:
    """A key that is set in a file."""

    value: Any  # in the type of the schema
    source: Value  # as written
    file: Path


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of reading a configuration: a config, or mistakes."""

    file: Path  # the main file
    config: Config | None  # None if there are mistakes
    mistakes: tuple[Mistake, ...]  # by file and line; mistakes between several keys come last
    settings: Mapping[str, Setting]  # the valid keys in the files, by dotted path
    warnings: tuple[Mistake, ...] = ()  # what the daemon can run with

    def mistake_at(self, key: str, remedy: str, path: tuple[int | str, ...] = ()) -> Mistake:
        """Return a mistake at the place of a key, or of the part of its value at `path`.

        A key with its default value has no place; the mistake then names the main file.
        """
        setting = self.settings.get(key)
        if setting is None:
            return Mistake(file=self.file, line=0, key=key, remedy=remedy)
        return mistake_at(setting, key, remedy, path)


@dataclass(slots=True)
class Gathered:
    """The settings and mistakes of the files read so far."""

    file: Path  # the main file
    settings: dict[str, Setting] = field(default_factory=dict)  # by dotted path
    broken: set[str] = field(default_factory=set)  # dotted paths with an invalid value
    mistakes: list[Mistake] = field(default_factory=list)


def load(path: Path) -> Config:
    """Return the configuration in a file and its drop-ins.

    Raises:
        ConfigError: with one line for each mistake, `FILE:LINE: key.path: value: remedy`.
    """
    return config_or_error(examine(path))


def examine(path: Path) -> Examination:
    """Read a file and its drop-ins; return the config or all mistakes."""
    return conclude(gather(path))


def reload(current: Config, path: Path) -> Config:
    """Return the new configuration for a daemon that runs with `current`.

    Raises:
        ConfigError: there are mistakes, or a key has changed that requires a restart. The caller
            then keeps `current`.
    """
    return replacement(current, examine(path))


def replacement(current: Config, examination: Examination) -> Config:
    """Return the config of an examination for a daemon that runs with `current`.

    Raises:
        ConfigError: see `reload`.
    """
    new = config_or_error(examination)
    mistakes = []
    for key in restart_keys():
        old_value, new_value = value_of(current, key), value_of(new, key)
        if old_value != new_value:
            remedy = f"cannot change from {old_value} while Auricle runs; restart it"
            mistakes.append(examination.mistake_at(key, remedy))
    if mistakes:
        raise config_error(mistakes)
    return new


def config_or_error(examination: Examination) -> Config:
    """Return the config of an examination; raise `ConfigError` if it has mistakes."""
    if examination.config is None:
        raise config_error(examination.mistakes)
    return examination.config


def config_error(mistakes: list[Mistake] | tuple[Mistake, ...]) -> ConfigError:
    """Return an error with one line for each mistake."""
    return ConfigError("\n".join(str(mistake) for mistake in mistakes))


def gather(path: Path) -> Gathered:
    """Read the main file and the drop-ins, and check each key on its own."""
    gathered = Gathered(path)
    for file in (path, *drop_ins(path, gathered)):
        read_file(file, gathered)
    return gathered


def drop_ins(path: Path, gathered: Gathered) -> list[Path]:
    """Return the drop-ins of a main file in the order of their names, without hidden files."""
    folder = path.with_name(path.name + ".d")
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.name[0] != ".")
    except FileNotFoundError:
        return []
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}; make it a folder that Auricle can read"
        gathered.mistakes.append(Mistake(file=folder, line=0, remedy=remedy))
        return []
    for name in names:
        if name.endswith(".yml"):
            remedy = "is ignored; the name of a drop-in must end in .yaml"
            gathered.mistakes.append(Mistake(file=folder / name, line=0, remedy=remedy))
    return [folder / name for name in names if name.endswith(".yaml")]


def read_file(path: Path, gathered: Gathered) -> None:
    """Add the settings and mistakes of one file to `gathered`."""
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
    """Read the keys of one section; the section may be empty."""
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
    """Check the value of one key, and store it if it is valid."""
    try:
        fitting = key.metadata["check"].read(value.plain())
    except UnfitError as error:
        gathered.broken.add(dotted)
        setting = Setting(None, value, path)
        for fault in error.faults:
            gathered.mistakes.append(mistake_at(setting, dotted, fault.remedy, fault.path))
    else:
        gathered.settings[dotted] = Setting(fitting, value, path)


def path_text(path: tuple[int | str, ...]) -> str:
    """Return list indices and mapping keys as text, such as `[1].cutoff`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path)


def suggestion(unknown: str, names: list[str]) -> str:
    """Return a suggestion for an unknown key."""
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
    """Build the config and check the rules between keys."""
    config = build(gathered.settings)
    files = list(dict.fromkeys(mistake.file for mistake in gathered.mistakes))
    mistakes = sorted(gathered.mistakes, key=lambda one: (files.index(one.file), one.line))
    for rule in RULES:
        if gathered.broken.isdisjoint(rule.keys) and not rule.holds(config):
            told = next(key for key in rule.keys if key in gathered.settings)
            others = [f"{key} is {value_of(config, key)}" for key in rule.keys if key != told]
            remedy = f"{rule.remedy} ({', '.join(others)})" if others else rule.remedy
            mistakes.append(mistake_at(gathered.settings[told], told, remedy))
    return Examination(
        file=gathered.file,
        config=None if mistakes else config,
        mistakes=tuple(mistakes),
        settings=gathered.settings,
    )


def mistake_at(
    setting: Setting, key: str, remedy: str, path: tuple[int | str, ...] = ()
) -> Mistake:
    """Return a mistake at the place where a key is set, or at the part of its value at `path`."""
    place = setting.source.at(path)
    return Mistake(
        file=setting.file,
        line=place.line,
        key=key + path_text(path),
        value=place.text,
        remedy=remedy,
    )


def build(settings: dict[str, Setting]) -> Config:
    """Return the config with the given settings, and the defaults for all other keys."""
    sections = {}
    for section in fields(Config):
        kind = section.metadata["section"]
        dotted = {key.name: f"{section.name}.{key.name}" for key in fields(kind)}
        values = {name: settings[path].value for name, path in dotted.items() if path in settings}
        sections[section.name] = kind(**values)
    return Config(**sections)


def restart_keys() -> list[str]:
    """Return the dotted paths of the keys whose change requires a restart."""
    return [
        f"{section.name}.{key.name}"
        for section in fields(Config)
        for key in fields(section.metadata["section"])
        if key.metadata["restart"]
    ]


def value_of(config: Config, dotted: str) -> object:
    """Return the value at a dotted path."""
    section, key = dotted.split(".")
    value: object = getattr(getattr(config, section), key)
    return value
