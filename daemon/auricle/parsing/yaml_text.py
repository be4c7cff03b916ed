"""Parses YAML that nobody has checked: one document of mappings, lists and plain values.

In: text. Out: PyYAML's nodes, or plain Python values, or a MalformedError with a line. Refused are
tags, because PyYAML's constructors fail on many values; aliases, because a small file of them can
expand to a huge tree; deep nesting; long integers; NUL characters and surrogates. Dates stay text.
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import yaml

from auricle.errors import MalformedError
from auricle.parsing.limits import Limits, check_float, check_integer, check_size, check_text, shown

TAG = "tag:yaml.org,2002:"
NUMBER_TAGS = frozenset((f"{TAG}int", f"{TAG}float"))
BOOLEAN_TAG = f"{TAG}bool"
BOOLEANS = frozenset(("true", "false"))  # in lower case
PLAIN_TAGS = NUMBER_TAGS | {f"{TAG}null", BOOLEAN_TAG, f"{TAG}str"}
# What PyYAML raises for some escapes, directives and numbers beside its own errors.
_FAILURES = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError)

Scalar: TypeAlias = None | bool | int | float | str


def compose_yaml(text: str, limits: Limits | None = None) -> yaml.Node | None:
    """Return the node tree of a text; None if the text is empty.

    Args:
        text: the text.
        limits: the largest content to accept; None: the defaults.

    Raises:
        MalformedError: the text is not YAML, uses aliases, or exceeds a limit.
    """
    limits = limits or Limits()
    check_size(len(text), limits)
    try:
        loader = _BoundedLoader(text, limits)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise MalformedError("contains a control character; remove it", line=line) from error
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = loader.line + 1 if mark is None else mark.line + 1
        reasons = ", ".join(reason for reason in (error.context, error.problem) if reason)
        raise MalformedError(f"is not YAML: {shown(reasons)}", line=line) from error
    except (yaml.YAMLError, *_FAILURES) as error:
        raise MalformedError(
            "has an escape or a directive that is not valid; correct it", line=loader.line + 1
        ) from error
    finally:
        loader.dispose()


def parse_yaml(text: str, limits: Limits | None = None) -> Any:
    """Return the content of a text as None, bool, int, float, str, list and dict.

    Raises:
        MalformedError: as `compose_yaml`; or a value has a tag, a key is set twice or is not text,
            or a number is not finite.
    """
    limits = limits or Limits()
    node = compose_yaml(text, limits)
    return None if node is None else _plain(node, limits, "")


def check_tag(node: yaml.Node) -> None:
    """Raise MalformedError for a node with a tag: no file of Auricle needs one."""
    if node.tag.startswith("!"):
        raise MalformedError(
            f"must be written without the tag {shown(node.tag[1:].replace(TAG, '!!'))}",
            line=node.start_mark.line + 1,
        )


def scalar_of(node: yaml.ScalarNode, limits: Limits | None = None) -> Scalar:
    """Return the value of a scalar.

    Where YAML 1.1 and 1.2 differ, words and times are text, as in YAML 1.2: `off`, `on`, `yes` and
    `no` are not booleans, and `1:30` is not 90.

    Raises:
        MalformedError: it has a tag, or looks like a number but cannot be read as one.
    """
    check_tag(node)
    limits, written = limits or Limits(), str(node.value)
    line = node.start_mark.line + 1
    if node.tag not in PLAIN_TAGS or (node.tag in NUMBER_TAGS and ":" in written):
        return written
    if node.tag == BOOLEAN_TAG and written.lower() not in BOOLEANS:
        return written
    if node.tag == f"{TAG}int":
        check_integer(written, limits, line)
    try:
        return cast("Scalar", yaml.constructor.SafeConstructor().construct_object(node))
    except (yaml.YAMLError, *_FAILURES):
        raise MalformedError(
            "is neither a number, nor text, nor true or false", line=line, value=shown(written)
        ) from None


class _BoundedLoader(yaml.SafeLoader):
    """Composes nodes, and checks each of them before its content is composed."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._limits = limits
        self._depth = self._nodes = 0
        super().__init__(text)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self._check(event, event.start_mark.line + 1)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _check(self, event: Any, line: int) -> None:
        limits = self._limits
        self._nodes += 1
        if isinstance(event, yaml.AliasEvent):
            raise MalformedError(
                "aliases (*name) are not supported; write out the value", line=line
            )
        if event.tag is not None:  # written in the text; `check_tag` refuses it
            event.tag = f"!{event.tag}"
        if isinstance(event, yaml.CollectionStartEvent) and self._depth >= limits.depth:
            raise MalformedError(f"must not be nested deeper than {limits.depth} levels", line=line)
        if self._nodes > limits.nodes:
            raise MalformedError(
                f"must not have more than {limits.nodes} values; shorten it", line=line
            )
        if isinstance(event, yaml.ScalarEvent):
            check_text(event.value, "", line)


def _plain(node: yaml.Node, limits: Limits, place: str) -> Any:
    """Return the value of a node; `place` is its dotted path. The depth is checked already."""
    try:
        check_tag(node)
        if isinstance(node, yaml.ScalarNode):
            return _finite_scalar(node, limits)
    except MalformedError as error:
        raise MalformedError(
            error.remedy, line=error.line, place=place, value=error.value
        ) from None
    if isinstance(node, yaml.SequenceNode):
        items = enumerate(node.value)
        return [_plain(item, limits, f"{place}[{number}]") for number, item in items]
    return _plain_mapping(node, limits, place)


def _plain_mapping(node: yaml.Node, limits: Limits, place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        check_tag(key)
        if not isinstance(key, yaml.ScalarNode) or not key.value:
            raise MalformedError("a key must be text", line=line, place=place)
        inner = f"{place}.{shown(key.value)}" if place else shown(key.value)
        if key.value in found:
            raise MalformedError("is set twice; keep one", line=line, place=inner)
        found[key.value] = _plain(value, limits, inner)
    return found


def _finite_scalar(node: yaml.ScalarNode, limits: Limits) -> Scalar:
    value = scalar_of(node, limits)
    if isinstance(value, float):
        check_float(value, str(node.value), node.start_mark.line + 1)
    return value
