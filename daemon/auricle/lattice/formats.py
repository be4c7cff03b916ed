"""Text formats of the lattice.

In: a lattice. Out: JSON (the format of the D-Bus interface, and the only one that is read back),
HTK's standard lattice format (SLF), which Kaldi and SRILM also read, the text format of OpenFst's
`fstcompile`, or a Graphviz drawing.

Scores are written with six decimal places. That is more precise than a 32-bit weight, so the best
path stays the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from auricle.errors import ArgumentError, MalformedError
from auricle.lattice.lattice import Arc, Lattice
from auricle.parsing.json_text import parse_json
from auricle.parsing.limits import Limits

LIMITS = Limits(bytes=64 * 1024 * 1024, depth=4, nodes=4_000_000)
JSON_VERSION = 1
EPSILON = "<eps>"  # OpenFst's symbol for no word
NULL = "!NULL"  # HTK's symbol for no word
_DIGITS = 6
_FIELDS = tuple(field.name for field in fields(Arc))
_TYPES: dict[str, tuple[type, ...]] = {
    "source": (int,),
    "target": (int,),
    "word": (str,),
    "acoustic": (int, float),
    "graph": (int, float),
    "start": (int, float),
    "end": (int, float),
    "entry": (str, type(None)),
    "kind": (str, type(None)),
}


@dataclass(frozen=True, slots=True)
class OpenFstText:
    """Input of `fstcompile --acceptor --isymbols=...`; weights are costs."""

    acceptor: str  # one arc per line: source, target, word, cost; last line: the final state
    symbols: str  # one word and its number per line


def to_json(lattice: Lattice) -> str:
    """Return compact JSON; `fields` names the values of each list in `arcs`."""
    return json.dumps(
        {
            "version": JSON_VERSION,
            "states": lattice.states,
            "fields": _FIELDS,
            "arcs": [
                [
                    arc.source,
                    arc.target,
                    arc.word,
                    round(arc.acoustic, _DIGITS),
                    round(arc.graph, _DIGITS),
                    round(arc.start, _DIGITS),
                    round(arc.end, _DIGITS),
                    arc.entry,
                    arc.kind,
                ]
                for arc in lattice.arcs
            ],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def from_json(text: str) -> Lattice:
    """Return the lattice of a JSON text, which may come from an untrusted source.

    Raises:
        ArgumentError: the text is not a valid lattice; the message names the field.
    """
    try:
        content = parse_json(text.encode("utf-8"), LIMITS)
    except (UnicodeEncodeError, MalformedError) as error:
        raise ArgumentError(f"lattice must be JSON, but is not: {error}.") from None
    if not isinstance(content, dict):
        raise ArgumentError(f"lattice must be a JSON object, not {type(content).__name__}.")
    unknown = sorted(set(content) - {"version", "states", "fields", "arcs"})
    if unknown:
        raise ArgumentError(f"lattice has the unknown field {unknown[0][:40]!r}: leave it out.")
    if not _is(content.get("version"), int) or content["version"] != JSON_VERSION:
        raise ArgumentError(f"version must be {JSON_VERSION}, but differs or is missing.")
    if content.get("fields") != list(_FIELDS):
        raise ArgumentError(f"fields must be {list(_FIELDS)}, in this order.")
    if not _is(content.get("states"), int):
        raise ArgumentError("states must be a whole number.")
    if not isinstance(content.get("arcs"), list):
        raise ArgumentError("arcs must be a list.")
    arcs = tuple(_arc_from(index, values) for index, values in enumerate(content["arcs"]))
    return Lattice(content["states"], arcs)


def _arc_from(index: int, values: Any) -> Arc:
    """Return the arc of a list of JSON values."""
    if not isinstance(values, list) or len(values) != len(_FIELDS):
        raise ArgumentError(f"arcs[{index}] must be a list of {len(_FIELDS)} values: {_FIELDS}.")
    for name, value in zip(_FIELDS, values, strict=True):
        if not _is(value, *_TYPES[name]):
            wanted = " or ".join(kind.__name__ for kind in _TYPES[name])
            given = type(value).__name__
            raise ArgumentError(f"arcs[{index}].{name} must be {wanted}, not {given}.")
    source, target, word, *numbers, entry, kind = values
    try:
        acoustic, graph, start, end = map(float, numbers)
    except OverflowError:
        raise ArgumentError(f"arcs[{index}] has a number that is too large for a score.") from None
    return Arc(source, target, word, acoustic, graph, start, end, entry, kind)


def _is(value: Any, *kinds: type) -> bool:
    """Return whether a JSON value has one of the types; a Boolean does not count as a number."""
    return isinstance(value, kinds) and not isinstance(value, bool)


def to_slf(lattice: Lattice, utterance: str) -> str:
    """Return the HTK standard lattice format, version 1.1 (see "The HTK Book").

    Words are on links. The time of a node is the latest end of the words before it.

    Args:
        lattice: the lattice.
        utterance: name of the recording, without white space.
    """
    times = [min(arc.start for arc in lattice.arcs)] * lattice.states
    for arc in lattice.arcs:
        times[arc.target] = max(times[arc.target], arc.end)
    lines = [
        "VERSION=1.1",
        f"UTTERANCE={_slf_word(utterance)}",
        "lmscale=1.0",
        "wdpenalty=0.0",
        "acscale=1.0",
        "base=2.718281828",
        "start=0",
        f"end={lattice.final}",
        f"N={lattice.states} L={len(lattice.arcs)}",
    ]
    lines += [f"I={state} t={_number(time)}" for state, time in enumerate(times)]
    lines += [
        f"J={index} S={arc.source} E={arc.target} W={_slf_word(arc.word)} "
        f"a={_number(arc.acoustic)} l={_number(arc.graph)}"
        for index, arc in enumerate(lattice.arcs)
    ]
    return "\n".join(lines) + "\n"


def to_openfst(lattice: Lattice) -> OpenFstText:
    """Return the acceptor and symbol table for OpenFst; costs are negative scores."""
    words = sorted({arc.word for arc in lattice.arcs if arc.word})
    if EPSILON in words:
        raise ArgumentError(f"word must not be {EPSILON!r}, OpenFst's symbol for no word.")
    lines = [
        f"{arc.source}\t{arc.target}\t{arc.word or EPSILON}\t{_number(-arc.score)}"
        for arc in lattice.arcs
    ]
    lines.append(str(lattice.final))
    symbols = [f"{word}\t{index}" for index, word in enumerate([EPSILON, *words])]
    return OpenFstText("\n".join(lines) + "\n", "\n".join(symbols) + "\n")


def to_dot(lattice: Lattice) -> str:
    """Return a Graphviz drawing with the times and posterior probability of each word."""
    lines = [
        "digraph lattice {",
        "  rankdir=LR;",
        "  node [shape=circle];",
        f"  {lattice.final} [shape=doublecircle];",
    ]
    for arc, posterior in zip(lattice.arcs, lattice.posteriors().tolist(), strict=True):
        label = (arc.word or EPSILON).replace("\\", "\\\\").replace('"', '\\"')
        times = f"{arc.start:.2f}-{arc.end:.2f} s"
        lines.append(
            f'  {arc.source} -> {arc.target} [label="{label}\\n{times}\\np={posterior:.3f}"];'
        )
    return "\n".join([*lines, "}"]) + "\n"


def _slf_word(word: str) -> str:
    """Return a word with backslash escapes as HTK reads it."""
    if not word:
        return NULL
    if word == NULL:
        raise ArgumentError(f"word must not be {NULL!r}, HTK's symbol for no word.")
    marked = word.replace("\\", "\\\\")
    return "\\" + marked if marked[0] in "\"'" else marked


def _number(value: float) -> str:
    """Return a number in decimal notation, without trailing zeros or a negative zero."""
    text = f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
