"""Reads a YAML file into a tree of values with line numbers.

In: a path. Out: the tree, or the mistakes in the file. Only a subset of YAML is supported: one
document with mappings, lists and plain values. Tags are rejected, and so are aliases, because they
can make a small file expand to a huge tree.
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
BOOLEAN_TAG = f"{TAG}bool"
BOOLEANS = frozenset(("true", "false"))  # in lower case
PLAIN_TAGS = NUMBER_TAGS | {f"{TAG}null", BOOLEAN_TAG, f"{TAG}str"}

Scalar: TypeAlias = None | bool | int | float | str
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


class UnreadableError(Exception):
    """The file as a whole cannot be read."""

    def __init__(self, remedy: str, line: int = 0) -> None:
        super().__init__(remedy)
        self.remedy = remedy
        self.line = line


def read_document(
    path: Path, maximum_bytes: int = MAXIMUM_BYTES
) -> tuple[Value | None, list[Mistake]]:
    """Read a file; return its tree (None if it is empty or unreadable), and all mistakes."""
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
    """Return the text of a file.

    Raises:
        UnreadableError: it is missing, not a regular file, too large or not UTF-8.
    """
    try:
        with open(path, "rb", opener=open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError("is not a regular file")
            data = file.read(maximum_bytes + 1)
    except OSError as error:
        raise UnreadableError(
            f"cannot be read: {error.strerror}; name a file that Auricle can read"
        ) from error
    if len(data) > maximum_bytes:
        raise UnreadableError(f"must not be larger than {maximum_bytes // 1024} KiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError("must be written in UTF-8", line) from error


def open_without_waiting(path: str, flags: int) -> int:
    """Opener for `open` that does not block on a named pipe without a writer."""
    return os.open(path, flags | os.O_NONBLOCK)


def compose(text: str) -> yaml.Node | None:
    """Return the YAML node tree of a text; None if the text is empty.

    Raises:
        UnreadableError: the text is not YAML, or uses aliases or deep nesting.
    """
    try:
        refuse_bombs(text)
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableError("contains a control character; remove it", line) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 0 if mark is None else mark.line + 1
        reasons = ", ".join(reason for reason in (error.context, error.problem) if reason)
        raise UnreadableError(f"is not YAML: {shown(reasons)}", line) from error


def refuse_bombs(text: str) -> None:
    """Raise `UnreadableError` for aliases and deep nesting, before the tree is built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 0 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise UnreadableError("aliases (*name) are not supported; write out the value", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAXIMUM_DEPTH:
            raise UnreadableError(f"must not be nested deeper than {MAXIMUM_DEPTH} levels", line)


class TreeReader:
    """Turns YAML nodes into values; appends all mistakes to `mistakes`."""

    def __init__(self, path: Path, text: str, mistakes: list[Mistake]) -> None:
        self.path = path
        self.text = text
        self.mistakes = mistakes
        self.constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, key: str) -> Value:
        """Return the value of a node; `key` is its dotted path."""
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
            if name in entries:
                self.note(name_node, path, f"is already set in line {entries[name].line}; keep one")
                continue
            value = self.value(value_node, path)
            entries[name] = replace(value, line=name_node.start_mark.line + 1)
        return entries

    def scalar(self, node: yaml.Node, key: str) -> Scalar:
        """Return the value of a scalar.

        Where YAML 1.1 and 1.2 differ, words and times are text, as in YAML 1.2: `off`, `on`, `yes`
        and `no` are not booleans, and `1:30` is not 90.
        """
        written = str(node.value)
        if node.tag in NUMBER_TAGS and ":" in written:
            return written
        if node.tag == BOOLEAN_TAG and written.lower() not in BOOLEANS:
            return written
        try:
            if node.tag not in PLAIN_TAGS:
                # YAML dates are read as text. A tag that the user has written is a mistake.
                if self.as_written(node).startswith("!"):
                    raise ValueError
                return written
            content: Scalar = self.constructor.construct_object(node)
        except (ValueError, KeyError, yaml.YAMLError):
            self.note(node, key, "is neither a number, nor text, nor true or false", as_value=True)
            return None
        return content

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
