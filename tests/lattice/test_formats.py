"""The text formats of the lattice, read by independent programs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kaldifst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.errors import ArgumentError
from auricle.lattice.formats import from_json, to_dot, to_json, to_openfst, to_slf
from auricle.lattice.lattice import Arc, Lattice

MakeLattice = Callable[[int], Lattice]
seeds = st.integers(0, 10**6)
unhurried = settings(deadline=None)


def shell(command: str, folder: Path, text: str) -> str:
    """Return the output of OpenFst's programs for a text."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def read_slf(text: str) -> tuple[dict[int, float], list[dict[str, str]]]:
    """Return the times of nodes and the fields of links, parsed by HTK's rules."""
    rows = [
        {
            name: re.sub(r"\\(.)", r"\1", value)
            for name, value in (field.split("=", 1) for field in line.split())
        }
        for line in text.splitlines()
    ]
    size = next(row for row in rows if "N" in row)
    nodes = {int(row["I"]): float(row["t"]) for row in rows if "I" in row}
    links = [row for row in rows if "J" in row]
    assert (int(size["N"]), int(size["L"])) == (len(nodes), len(links))
    return nodes, links


@unhurried
@given(seed=seeds)
def test_json_round_trips(make_lattice: MakeLattice, seed: int) -> None:
    lattice = make_lattice(seed)
    assert from_json(to_json(lattice)) == lattice


@unhurried
@given(seed=seeds)
def test_kaldifst_finds_the_same_best_path(make_lattice: MakeLattice, seed: int) -> None:
    lattice = make_lattice(seed)
    text = to_openfst(lattice)
    names = {
        int(number): word
        for word, number in (line.split("\t") for line in text.symbols.splitlines())
    }
    symbols = kaldifst.SymbolTable()
    for number, word in names.items():
        symbols.add_symbol(word, number)
    fst = kaldifst.compile(text.acceptor, acceptor=True, isymbols=symbols)
    linear, labels, _, cost = kaldifst.get_linear_symbol_sequence(kaldifst.shortest_path(fst))
    assert linear
    best = lattice.best_path()
    assert -cost.value == pytest.approx(best.score, rel=1e-5, abs=1e-5)
    assert tuple(names[label] for label in labels) == best.words


@settings(deadline=None, max_examples=15)
@given(seed=seeds)
def test_openfst_finds_the_same_best_path(
    make_lattice: MakeLattice, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    lattice = make_lattice(seed)
    text = to_openfst(lattice)
    folder = tmp_path_factory.mktemp("fst")
    (folder / "words").write_text(text.symbols, encoding="utf-8")
    printed = shell(
        "fstcompile --acceptor --isymbols=words | fstshortestpath | fsttopsort"
        " | fstprint --acceptor --isymbols=words",
        folder,
        text.acceptor,
    )
    rows = [line.split("\t") for line in printed.splitlines()]
    words = tuple(row[2] for row in rows if len(row) > 2 and row[2] != "<eps>")
    cost = sum(float(row[-1]) for row in rows if len(row) in (2, 4))
    best = lattice.best_path()
    assert words == best.words
    assert -cost == pytest.approx(best.score, rel=1e-4, abs=1e-4)


@unhurried
@given(seed=seeds)
def test_slf_holds_each_arc_with_its_scores_and_times(make_lattice: MakeLattice, seed: int) -> None:
    lattice = make_lattice(seed)
    nodes, links = read_slf(to_slf(lattice, "utterance-1"))
    assert sorted(nodes) == list(range(lattice.states))
    for arc, link in zip(lattice.arcs, links, strict=True):
        assert (int(link["S"]), int(link["E"])) == (arc.source, arc.target)
        assert link["W"] == (arc.word or "!NULL")
        assert float(link["a"]) == pytest.approx(arc.acoustic, abs=1e-6)
        assert float(link["l"]) == pytest.approx(arc.graph, abs=1e-6)
        assert nodes[arc.target] == pytest.approx(arc.end)
    assert nodes[0] == pytest.approx(min(arc.start for arc in lattice.arcs))


@unhurried
@given(seed=seeds)
def test_dot_draws_each_arc(make_lattice: MakeLattice, seed: int) -> None:
    lattice = make_lattice(seed)
    drawing = to_dot(lattice)
    arrow = re.compile(r'^  (\d+) -> (\d+) \[label="(?:[^"\\]|\\.)*"\];$', re.MULTILINE)
    assert [(int(source), int(target)) for source, target in arrow.findall(drawing)] == [
        (arc.source, arc.target) for arc in lattice.arcs
    ]
    assert drawing.startswith("digraph")


def changed(**other: Any) -> str:
    content = json.loads(to_json(Lattice(2, (Arc(0, 1, "on", -1.0, 0.0, 0.0, 0.4),))))
    return json.dumps(content | other)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "JSON"),
        ("[" * 100_000, "JSON"),
        ("[]", "object"),
        (changed(version=2), "version"),
        (changed(version=True), "version"),
        (changed(states="2"), "states"),
        (changed(states=10**30), "states"),
        (changed(fields=["word"]), "fields"),
        (changed(arcs={}), "arcs"),
        (changed(arcs=[]), "states"),
        (changed(arcs=[[0, 1]]), r"arcs\[0\]"),
        (changed(arcs=[[0, 1, "on", -1.0, 0.0, 0.0, "0.4", None, None]]), r"arcs\[0\].end"),
        (changed(arcs=[[0, True, "on", -1.0, 0.0, 0.0, 0.4, None, None]]), r"arcs\[0\].target"),
        (
            changed(arcs=[[0, 1, "on", float("nan"), 0.0, 0.0, 0.4, None, None]]),
            "NaN: is not a finite number",
        ),
        (changed(arcs=[[0, 1, "on", -(10**400), 0.0, 0.0, 0.4, None, None]]), "is a number of 402"),
        (changed(arcs=[[0, 1, "\ud800", -1.0, 0.0, 0.0, 0.4, None, None]]), r"arcs\[0\]\[2\]"),
        (changed(arcs=[[0, 1, "on", -1.0, 0.0, 0.0, 0.4, 7, None]]), r"arcs\[0\].entry"),
        (changed(arcs=[[0, 1, "on", -1.0, 0.0, 0.0, 0.4, "", "\n"]]), r"arcs\[0\].kind"),
        (changed(audio="..."), "audio"),
    ],
)
def test_untrusted_json_is_refused_by_field(text: str, field: str) -> None:
    with pytest.raises(ArgumentError, match=field):
        from_json(text)


def test_words_reserved_for_no_word_are_refused() -> None:
    lattice = Lattice(2, (Arc(0, 1, "<eps>", -1.0, 0.0, 0.0, 0.4),))
    with pytest.raises(ArgumentError, match="eps"):
        to_openfst(lattice)
    lattice = Lattice(2, (Arc(0, 1, "!NULL", -1.0, 0.0, 0.0, 0.4),))
    with pytest.raises(ArgumentError, match="NULL"):
        to_slf(lattice, "utterance-1")
