"""The lattice as text that other programs read.

In: a lattice. Out: JSON (the form that leaves the device, and the one that is read back), the
standard lattice format of HTK that Kaldi's and SRILM's tools read too, the text of OpenFst's
`fstcompile`, or a drawing for Graphviz.

Scores keep six decimal places: more than a 32-bit weight holds, so that the best path stays it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from auricle.errors import ArgumentError
from auricle.lattice.lattice import Arc, Lattice

JSON_VERSION = 1
EPSILON = "<eps>"  # OpenFst's name for no word
NULL = "!NULL"  # HTK's name for no word
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
    """An acceptor as `fstcompile --acceptor --isymbols=...` reads it; weights are costs."""

    acceptor: str  # an arc a line: source, target, word, cost; then the final state
    symbols: str  # a word and its number a line


def to_json(lattice: Lattice) -> str:
    """Return compact JSON: `fields` names what stands where in each of `arcs`."""
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
    """Return the lattice that JSON describes; the text need not be trusted.

    Raises:
        ArgumentError: it is no lattice; the sentence names the field.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"lattice must be JSON, but is not: {error}.") from None
    if not isinstance(content, dict):
        raise ArgumentError(f"lattice must be a JSON object, not {type(content).__name__}.")
    unknown = sorted(set(content) - {"version", "states", "fields", "arcs"})
    if unknown:
        raise ArgumentError(f"lattice has the unknown field {unknown[0][:40]!r}: leave it out.")
    if not _is(content.get("version"), int) or content["version"] != JSON_VERSION:
        raise ArgumentError(f"version must be {JSON_VERSION}: it is another or missing.")
    if content.get("fields") != list(_FIELDS):
        raise ArgumentError(f"fields must be {list(_FIELDS)}, in this order.")
    if not _is(content.get("states"), int):
        raise ArgumentError("states must be a whole number.")
    if not isinstance(content.get("arcs"), list):
        raise ArgumentError("arcs must be a list.")
    arcs = tuple(_arc_from(index, values) for index, values in enumerate(content["arcs"]))
    return Lattice(content["states"], arcs)


def _arc_from(index: int, values: Any) -> Arc:
    """Return the arc whose fields a list of JSON values holds."""
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
    """Return whether a JSON value is of a kind; true and false are no numbers."""
    return isinstance(value, kinds) and not isinstance(value, bool)


def to_slf(lattice: Lattice, utterance: str) -> str:
    """Return the HTK standard lattice format, version 1.1 (see "The HTK Book").

    Words stand on links. The time of a node is that at which the last word before it ends.

    Args:
        lattice: what to write.
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
    """Return the acceptor text and symbol table of OpenFst; a cost is a negative score."""
    words = sorted({arc.word for arc in lattice.arcs if arc.word})
    if EPSILON in words:
        raise ArgumentError(f"word must not be {EPSILON!r}, OpenFst's name for no word.")
    lines = [
        f"{arc.source}\t{arc.target}\t{arc.word or EPSILON}\t{_number(-arc.score)}"
        for arc in lattice.arcs
    ]
    lines.append(str(lattice.final))
    symbols = [f"{word}\t{index}" for index, word in enumerate([EPSILON, *words])]
    return OpenFstText("\n".join(lines) + "\n", "\n".join(symbols) + "\n")


def to_dot(lattice: Lattice) -> str:
    """Return a drawing for Graphviz: each word with its times and its posterior probability."""
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
    """Return a word as HTK reads it: a backslash marks what would else be markup."""
    if not word:
        return NULL
    if word == NULL:
        raise ArgumentError(f"word must not be {NULL!r}, HTK's name for no word.")
    marked = word.replace("\\", "\\\\")
    return "\\" + marked if marked[0] in "\"'" else marked


def _number(value: float) -> str:
    """Return a number in plain decimals, without a needless sign or tail."""
    text = f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
