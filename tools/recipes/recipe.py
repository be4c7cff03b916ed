"""Reads recipes.

In: a YAML file. Out: a validated `Recipe`: known keys, known placeholders, distinct names. Example:

    name: en-tiny-0.6
    places: {data: ../../../shared/data, work: ../../build}   # folders; --set NAME=PATH
    values: {seed: 1}                                 # shared by steps
    data: {"{data}/kathleen.tar": SHA256, ...}        # external files, checked before the steps
    steps:                                            #   that read them
      - name: texts                                   # distinct
        step: make-texts                              # of auricle_train; or command: [WORD, ...]
        arguments: {data: "{data}", seed: "{seed}", kinds: [time, date], count: 100}
        inputs: ["{data}/text"]                       # files and folders that it reads
        outputs: ["{work}/texts.tsv"]                 # files and folders that it writes

Relative places are relative to the file. A list as argument becomes several words, `true` an option
without a value, `null` and `false` nothing. A step with `each`, a list of mappings, expands to one
step per mapping; its keys are placeholders in that step, including its name:

      - name: "speech-{engine}"
        each: [{engine: piper, count: 300}, {engine: espeak, count: 40}]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from auricle.errors import AuricleError

KEYS = {"name", "places", "values", "data", "steps"}
STEP_KEYS = {"name", "each", "step", "command", "arguments", "inputs", "outputs"}
PYTHON = "python"  # placeholder for the Python interpreter that runs the recipe
WORK = "work"  # place of outputs, records and logs; every recipe has it
SHA256 = re.compile(r"[0-9a-f]{64}")


class RecipeError(AuricleError):
    """A recipe cannot be read or run."""

    name = "InvalidRecipe"


@dataclass(frozen=True)
class Step:
    """One command."""

    name: str
    template: tuple[str, ...]  # command with placeholders for places, which may move
    command: tuple[str, ...]  # command with all placeholders filled in
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]


@dataclass(frozen=True)
class Recipe:
    """A validated recipe."""

    path: Path
    name: str
    work: Path
    data: Mapping[Path, str]  # SHA-256 by external file, in hexadecimal digits
    steps: tuple[Step, ...]

    def data_of(self, step: Step) -> dict[Path, str]:
        """Return the external files that a step reads: its inputs, or files within them."""
        return {
            path: digest
            for path, digest in self.data.items()
            if any(path.is_relative_to(place) for place in step.inputs)
        }


def read_recipe(path: Path, changes: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        path: YAML file.
        changes: places and values that override those in the file.

    Raises:
        RecipeError: the file is missing, or not a recipe.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"recipe: {path} cannot be read: {error}; name a YAML file") from error
    if not isinstance(content, dict):
        raise RecipeError(f"recipe: {path} is not a mapping; see the head of recipes/recipe.py")
    _check_keys(content, KEYS, {"name", "places", "steps"}, str(path))
    names = _names(path, content, changes or {})
    places = set(content["places"])
    steps = tuple(
        _step(row, names | own, places, path)
        for row in content["steps"]
        for own in _each(row, path)
    )
    _check_distinct([step.name for step in steps], path)
    data = {Path(_fill(file, names, path)): digest for file, digest in
            (content.get("data") or {}).items()}  # fmt: skip
    for file, digest in data.items():
        if not SHA256.fullmatch(str(digest)):
            raise RecipeError(
                f"data: {file} has {digest!r} for a SHA-256; `python -m recipes sums {path}` "
                "prints it"
            )
    return Recipe(path, content["name"], Path(names[WORK]), data, steps)


def _names(path: Path, content: dict[str, Any], changes: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the placeholders."""
    places, values = content["places"], content.get("values") or {}
    if WORK not in places:
        raise RecipeError(f"places: {path} has no place {WORK!r}; add it")
    unknown = sorted(set(changes) - set(places) - set(values))
    if unknown:
        known = ", ".join([*places, *values])
        raise RecipeError(f"set: {unknown[0]!r} is not one of {known}; name one of these")
    here = path.resolve().parent
    found = {name: str((here / place).resolve()) for name, place in places.items()}
    found |= {name: str(value) for name, value in values.items()}
    for name, value in changes.items():
        found[name] = str(Path(value).resolve()) if name in places else value
    return found


def _each(row: Any, path: Path) -> list[dict[str, str]]:
    """Return the placeholders of `each`, one mapping per expanded step."""
    each = row.get("each") if isinstance(row, dict) else None
    if each is None:
        return [{}]
    if not isinstance(each, list) or not all(isinstance(one, dict) for one in each):
        raise RecipeError(f"{path}: step {row.get('name', '?')}: each is a list of mappings")
    return [{name: str(value) for name, value in one.items()} for one in each]


def _step(row: Any, names: Mapping[str, str], places: set[str], path: Path) -> Step:
    if not isinstance(row, dict):
        raise RecipeError(f"{path}: {row!r} is not a step; give it a name and a command")
    where = f"{path}: step {row.get('name', '?')}"
    _check_keys(row, STEP_KEYS, {"name", "outputs"}, where)
    if ("step" in row) == ("command" in row):
        raise RecipeError(f"{where}: needs either step or command; give it one of them")
    words = _words(row)
    kept = {name: f"{{{name}}}" for name in (*places, PYTHON)}
    return Step(
        name=_fill(row["name"], names, path),
        template=tuple(_fill(word, {**names, **kept}, path) for word in words),
        command=tuple(_fill(word, names, path) for word in words),
        inputs=_paths(row.get("inputs") or (), names, path),
        outputs=_paths(row["outputs"], names, path),
    )


def _words(row: dict[str, Any]) -> list[str]:
    """Return the words of a step's command, with placeholders."""
    words = [str(word) for word in row.get("command") or ()]
    if "step" in row:
        words = [f"{{{PYTHON}}}", "-m", "auricle_train", row["step"]]
    for name, value in (row.get("arguments") or {}).items():
        if value is None or value is False:
            continue
        words.append(f"--{name}")
        if value is not True:
            words += [str(item) for item in value] if isinstance(value, list) else [str(value)]
    return words


def _paths(words: Sequence[str], names: Mapping[str, str], path: Path) -> tuple[Path, ...]:
    return tuple(Path(_fill(word, names, path)) for word in words)


def _fill(word: str, names: Mapping[str, str], path: Path) -> str:
    """Return a word with each `{name}` replaced.

    Raises:
        RecipeError: a name is not known.
    """
    known = {PYTHON: sys.executable, **names}

    def replacement(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise RecipeError(f"{path}: {{{found[1]}}} is not defined; add it to places or values")
        return known[found[1]]

    return re.sub(r"\{([a-z_]+)\}", replacement, word)


def _check_keys(row: dict[str, Any], known: set[str], needed: set[str], where: str) -> None:
    for key in sorted(set(row) - known):
        raise RecipeError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")
    for key in sorted(needed - {key for key, value in row.items() if value is not None}):
        raise RecipeError(f"{where}: {key!r} is missing; add it")


def _check_distinct(names: list[str], path: Path) -> None:
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"{path}: two steps are called {name!r}; rename one of them")
