"""One YAML file as a tree of values that know their line.

In: a path. Out: the tree, or the mistakes that keep it from being read. Only what a configuration
needs is read: one document of mappings, lists and plain values; no aliases, which can make a small
file huge, and no tags.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from auricle.config.mistakes import Mistake, shown

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_DEPTH = 20
TAG = "tag:yaml.org,2002:"
NUMBER_TAGS = frozenset((f"{TAG}int", f"{TAG}float"))
PLAIN_TAGS = NUMBER_TAGS | {f"{TAG}null", f"{TAG}bool", f"{TAG}str"}

Scalar: TypeAlias = None | bool | int | float | str
Content: TypeAlias = "Scalar | list[Value] | dict[str, Value]"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a file: a scalar, a list of values, or a mapping of names to values."""

    content: Content
    line: int  # from 1; of the key, where there is one
    text: str  # as written, shortened

    def plain(self) -> object:
        """Return the value without its lines."""
        if isinstance(self.content, list):
            return [item.plain() for item in self.content]
        if isinstance(self.content, dict):
            return {key: item.plain() for key, item in self.content.items()}
        return self.content

    def at(self, path: tuple[int | str, ...]) -> Value:
        """Return the value that list indices and mapping keys lead to."""
        found: Value = self
        for step in path:
            parts: Any = found.content
            found = parts[step]
        return found


class UnreadableError(Exception):
    """The file cannot be read as configuration at all."""

    def __init__(self, remedy: str, line: int = 0) -> None:
        super().__init__(remedy)
        self.remedy = remedy
        self.line = line


def read_document(
    path: Path, maximum_bytes: int = MAXIMUM_BYTES
) -> tuple[Value | None, list[Mistake]]:
    """Read a file; return its tree, None when there is none, and what is wrong with its form."""
    mistakes: list[Mistake] = []
    try:
        text = read_text(path, maximum_bytes)
        node = compose(text)
    except UnreadableError as error:
        return None, [Mistake(file=path, line=error.line, remedy=error.remedy)]
    if node is None:
        return None, []
    return TreeReader(path, text, mistakes).value(node, ""), mistakes


def read_text(path: Path, maximum_bytes: int) -> str:
    """Return the text of a regular file of sensible size, or raise `UnreadableError`."""
    try:
        with open(path, "rb", opener=open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError("is not a regular file")
            data = file.read(maximum_bytes + 1)
    except OSError as error:
        raise UnreadableError(
            f"cannot be read: {error.strerror}; name a file that Auricle may read"
        ) from error
    if len(data) > maximum_bytes:
        raise UnreadableError(f"must not be larger than {maximum_bytes // 1024} KiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError("must be written in UTF-8", line) from error


def open_without_waiting(path: str, flags: int) -> int:
    """Open a file for `open`; a named pipe must not make the daemon wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def compose(text: str) -> yaml.Node | None:
    """Return the node tree of a text, None when it is empty, or raise `UnreadableError`."""
    try:
        refuse_bombs(text)
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError("holds a control character; remove it", line) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 0 if mark is None else mark.line + 1
        reasons = ", ".join(reason for reason in (error.context, error.problem) if reason)
        raise UnreadableError(f"is not YAML: {shown(reasons)}", line) from error


def refuse_bombs(text: str) -> None:
    """Raise `UnreadableError` for aliases and deep nesting, before anything is built of them."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 0 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise UnreadableError("aliases (*name) are not taken; write the value out", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAXIMUM_DEPTH:
            raise UnreadableError(f"must not be nested deeper than {MAXIMUM_DEPTH} levels", line)


class TreeReader:
    """Turns nodes into values; what is wrong with their form goes to `mistakes`."""

    def __init__(self, path: Path, text: str, mistakes: list[Mistake]) -> None:
        self.path = path
        self.text = text
        self.mistakes = mistakes
        self.constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, key: str) -> Value:
        """Return the value of a node that stands under the dotted path `key`."""
        if isinstance(node, yaml.MappingNode):
            return self.made(node, self.mapping(node, key))
        if isinstance(node, yaml.SequenceNode):
            items = [self.value(item, f"{key}[{index}]") for index, item in enumerate(node.value)]
            return self.made(node, items)
        return self.made(node, self.scalar(node, key))

    def mapping(self, node: yaml.MappingNode, key: str) -> dict[str, Value]:
        """Return the entries of a mapping; a key that is no text, or there twice, is a mistake."""
        entries: dict[str, Value] = {}
        for name_node, value_node in node.value:
            name = name_node.value
            if not isinstance(name_node, yaml.ScalarNode) or not name:
                self.note(name_node, key, "a key must be text")
                continue
            path = f"{key}.{name}" if key else name
            if name in entries:
                self.note(name_node, path, f"is set already in line {entries[name].line}; keep one")
                continue
            value = self.value(value_node, path)
            entries[name] = replace(value, line=name_node.start_mark.line + 1)
        return entries

    def scalar(self, node: yaml.Node, key: str) -> Scalar:
        """Return what a scalar means in YAML 1.1, but `1:30` stays text instead of being 90."""
        written = str(node.value)
        if node.tag in NUMBER_TAGS and ":" in written:
            return written
        try:
            if node.tag not in PLAIN_TAGS:
                # What YAML takes for a date is text to us; a tag was asked for by the writer.
                if self.as_written(node).startswith("!"):
                    raise ValueError
                return written
            content: Scalar = self.constructor.construct_object(node)
        except (ValueError, KeyError, yaml.YAMLError):
            self.note(node, key, "is neither a number, nor text, nor true or false", as_value=True)
            return None
        return content

    def made(self, node: yaml.Node, content: Content) -> Value:
        """Return the value with its place."""
        return Value(content, node.start_mark.line + 1, self.as_written(node) or "null")

    def as_written(self, node: yaml.Node) -> str:
        """Return the text of a node, shortened to one line."""
        return shown(" ".join(self.text[node.start_mark.index : node.end_mark.index].split()))

    def note(self, node: yaml.Node, key: str, remedy: str, *, as_value: bool = False) -> None:
        """Note a mistake at a node."""
        self.mistakes.append(
            Mistake(
                file=self.path,
                line=node.start_mark.line + 1,
                key=shown(key),
                value=self.as_written(node) if as_value else "",
                remedy=remedy,
            )
        )
