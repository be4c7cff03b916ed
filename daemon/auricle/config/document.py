"""Reads a YAML file into a tree of values with line numbers.

In: a path. Out: the tree, or the mistakes in the file. Only a subset of YAML is supported: one
document with mappings, lists and plain values; see `parsing.yaml_text`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import yaml

from auricle.config.mistakes import Mistake, shown
from auricle.errors import MalformedError
from auricle.parsing.files import read_regular
from auricle.parsing.limits import Limits
from auricle.parsing.yaml_text import Scalar, check_tag, compose_yaml, scalar_of

CONFIG_LIMITS = Limits()

Content: TypeAlias = "Scalar | list[Value] | dict[str, Value]"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a file: a scalar, a list of values, or a mapping of names to values."""

    content: Content
    line: int  # from 1; line of the key, if the value has a key
    text: str  # source text, shortened

    def plain(self) -> object:
        """Return the value as plain Python objects, without line numbers."""
        if isinstance(self.content, list):
            return [item.plain() for item in self.content]
        if isinstance(self.content, dict):
            return {key: item.plain() for key, item in self.content.items()}
        return self.content

    def at(self, path: tuple[int | str, ...]) -> Value:
        """Return the value at a path of list indices and mapping keys."""
        found: Value = self
        for step in path:
            parts: Any = found.content
            found = parts[step]
        return found


def read_document(
    path: Path, limits: Limits = CONFIG_LIMITS
) -> tuple[Value | None, list[Mistake]]:
    """Read a file; return its tree (None if it is empty or unreadable), and all mistakes."""
    mistakes: list[Mistake] = []
    try:
        text = read_text(path, limits)
        node = compose_yaml(text, limits)
    except MalformedError as error:
        return None, [mistake_of(path, error)]
    if node is None:
        return None, []
    return TreeReader(path, text, mistakes).value(node, ""), mistakes


def mistake_of(path: Path, error: MalformedError) -> Mistake:
    """Return the mistake for a file that cannot be read as a whole."""
    return Mistake(
        file=path, line=error.line, key=error.place, value=error.value, remedy=error.remedy
    )


def read_text(path: Path, limits: Limits = CONFIG_LIMITS) -> str:
    """Return the text of a file.

    Raises:
        MalformedError: it is missing, not a regular file, too large or not UTF-8.
    """
    try:
        data = read_regular(path, limits.bytes)
    except OSError as error:
        raise MalformedError(
            f"cannot be read: {error.strerror}; name a file that Auricle can read"
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedError("must be written in UTF-8", line=line) from error


class TreeReader:
    """Turns YAML nodes into values; appends all mistakes to `mistakes`."""

    def __init__(self, path: Path, text: str, mistakes: list[Mistake]) -> None:
        self.path = path
        self.text = text
        self.mistakes = mistakes

    def value(self, node: yaml.Node, key: str) -> Value:
        """Return the value of a node; `key` is its dotted path."""
        try:
            check_tag(node)
        except MalformedError as error:
            self.note(node, key, error.remedy, as_value=True)
            return self.made(node, None)
        if isinstance(node, yaml.MappingNode):
            return self.made(node, self.mapping(node, key))
        if isinstance(node, yaml.SequenceNode):
            items = [self.value(item, f"{key}[{index}]") for index, item in enumerate(node.value)]
            return self.made(node, items)
        return self.made(node, self.scalar(node, key))

    def mapping(self, node: yaml.MappingNode, key: str) -> dict[str, Value]:
        """Return the entries of a mapping; duplicate keys and non-text keys are mistakes."""
        entries: dict[str, Value] = {}
        for name_node, value_node in node.value:
            name = name_node.value
            if not isinstance(name_node, yaml.ScalarNode) or not name:
                self.note(name_node, key, "a key must be text")
                continue
            path = f"{key}.{name}" if key else name
            try:
                check_tag(name_node)
            except MalformedError as error:
                self.note(name_node, path, error.remedy)
                continue
            if name in entries:
                self.note(name_node, path, f"is already set in line {entries[name].line}; keep one")
                continue
            value = self.value(value_node, path)
            entries[name] = replace(value, line=name_node.start_mark.line + 1)
        return entries

    def scalar(self, node: yaml.Node, key: str) -> Scalar:
        """Return the value of a scalar; one that cannot be read is a mistake."""
        try:
            return scalar_of(cast("yaml.ScalarNode", node))
        except MalformedError as error:
            self.note(node, key, error.remedy, as_value=True)
            return None

    def made(self, node: yaml.Node, content: Content) -> Value:
        """Return the value with its line and source text."""
        return Value(content, node.start_mark.line + 1, self.as_written(node) or "null")

    def as_written(self, node: yaml.Node) -> str:
        """Return the source text of a node, shortened to one line."""
        return shown(" ".join(self.text[node.start_mark.index : node.end_mark.index].split()))

    def note(self, node: yaml.Node, key: str, remedy: str, *, as_value: bool = False) -> None:
        """Append a mistake at a node."""
        self.mistakes.append(
            Mistake(
                file=self.path,
                line=node.start_mark.line + 1,
                key=shown(key),
                value=self.as_written(node) if as_value else "",
                remedy=remedy,
            )
        )
