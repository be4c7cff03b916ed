"""Parses JSON that nobody has checked: RFC 8259 within limits.

In: bytes in UTF-8. Out: None, bool, int, float, str, list and dict, or a MalformedError. Refused
are deep nesting, long integers, numbers that no float can hold, NaN, keys given twice, NUL
characters and surrogates. Only texts that may contain those are searched value by value, because
a file of names has a million values.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from auricle.errors import MalformedError
from auricle.parsing.limits import Limits, check_float, check_integer, check_size, check_text, shown

# A string, or a character that begins a value. A string that does not end reaches to the end of the
# text, so that no byte is read twice.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)


def parse_json(data: bytes, limits: Limits | None = None) -> Any:
    """Return the value of a JSON text.

    Args:
        data: the text in UTF-8.
        limits: the largest content to accept; None: the defaults.

    Raises:
        MalformedError: the text is not JSON, or exceeds a limit.
    """
    limits = limits or Limits()
    check_size(len(data), limits)
    _check_count(data, limits)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedError("is not UTF-8; write it in UTF-8", line=line) from None
    try:
        content = _decoder(limits).decode(text)
    except json.JSONDecodeError as error:
        raise MalformedError(f"is not JSON: {error.msg}; correct it", line=error.lineno) from None
    except RecursionError:
        raise _too_deep(limits) from None
    _check_depth(content, limits)
    if b"\\u" in data:  # the only way to write a NUL character or a surrogate
        _check_texts(content)
    return content


def _decoder(limits: Limits) -> json.JSONDecoder:
    def integer(text: str) -> int:
        check_integer(text, limits)
        return int(text)

    return json.JSONDecoder(
        parse_int=integer,
        parse_float=_finite,
        parse_constant=_refuse_constant,
        object_pairs_hook=_distinct,
    )


def _finite(text: str) -> float:
    number = float(text)
    check_float(number, text)
    return number


def _refuse_constant(text: str) -> NoReturn:
    raise MalformedError("is not a finite number; write one of at most 1e308", value=text)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise MalformedError("is set twice; keep one", place=shown(key))
        found[key] = value
    return found


def _too_deep(limits: Limits) -> MalformedError:
    return MalformedError(f"must not be nested deeper than {limits.depth} levels")


def _check_count(data: bytes, limits: Limits) -> None:
    """Raise MalformedError for too many values; strings are skipped only if that matters."""
    if sum(map(data.count, (b"[", b"{", b","))) <= limits.nodes:
        return
    nodes = sum(not found[0].startswith(b'"') for found in _TOKEN.finditer(data))
    if nodes > limits.nodes:
        raise MalformedError(f"must not have more than {limits.nodes} values; shorten it")


def _check_depth(content: Any, limits: Limits) -> None:
    """Raise MalformedError for too many levels, without recursion."""
    level, depth = [content], 0
    while level := [one for one in level if isinstance(one, list | dict)]:
        depth += 1
        if depth > limits.depth:
            raise _too_deep(limits)
        level = [
            item for one in level for item in (one if isinstance(one, list) else one.values())
        ]


def _check_texts(content: Any) -> None:
    """Check every string and key, without recursion."""
    rest = [("", content)]
    while rest:
        place, value = rest.pop()
        if isinstance(value, str):
            check_text(value, place)
        elif isinstance(value, list):
            rest += [(f"{place}[{index}]", item) for index, item in enumerate(value)]
        elif isinstance(value, dict):
            for key, item in value.items():
                inner = f"{place}.{shown(key)}" if place else shown(key)
                check_text(key, inner)
                rest.append((inner, item))
