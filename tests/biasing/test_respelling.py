"""Respelling: a likely spelling of the recogniser stands for the name and is corrected."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.biasing.biasing import Biasing, BiasingOptions, build
from auricle.biasing.respelling import LEAST, Spellings
from auricle.biasing.spoken_forms import LETTERS
from auricle.biasing.tagging import marked, names_in, spelled
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context, Entry
from auricle.errors import ModelError
from auricle.lattice.lattice import Arc, Lattice
from auricle.tokenizer import Tokenizer

SHIPPED = Path(__file__).parents[2] / "models" / "en-tiny"
TOKENS = Vocabulary(Tokenizer.load(SHIPPED / "tokens.txt"))
PIECES = Vocabulary(Tokenizer.load(SHIPPED / "pieces.txt"))
LEARNED = Spellings.load(SHIPPED / "spellings.tsv")
RULES = Spellings({"ie_": {"y_": 0.5}, "k": {"c": 0.4}, "_k": {"_c": 0.2}, "tt": {"t": 0.9}})


def biasing_of(*entries: Entry, spellings: Spellings = RULES) -> Biasing:
    biasing = build(Context(entries), TOKENS, PIECES, spellings=spellings)
    assert biasing is not None
    return biasing


def test_a_rule_holds_where_it_was_learned() -> None:
    assert [one.text for one in RULES.of("rosie", 3)] == ["rosy"]
    assert RULES.of("diesel", 3) == ()  # not at the end of a word
    assert {"matie kokko", "maty kokko"} < {one.text for one in RULES.of("mattie kokko", 9)}
    assert RULES.of("kim", 3) == ()  # too short to respell
    assert RULES.of("may", 3) == RULES.of("it's", 3) == ()


def test_a_respelled_name_is_tagged_and_written_as_given() -> None:
    biasing = biasing_of(Entry("contacts", "Mattie Krull", id="7"), Entry("contacts", "Mattie Bo"))
    assert spelled("call matie krull and maty bo", biasing) == "call mattie krull and mattie bo"
    (found,) = names_in(["call", "maty", "krull"], biasing)
    assert (found.entry.id, found.first, found.last) == ("7", 1, 3)
    arcs = (
        Arc(0, 1, "call", -1.0, 0.0, 0.0, 0.3),
        Arc(1, 2, "maty", -1.0, 0.0, 0.3, 0.6),
        Arc(2, 3, "krull", -1.0, 0.0, 0.6, 0.9),
    )
    lattice = marked(Lattice(4, arcs), biasing, 5)
    assert [(arc.word, arc.entry) for arc in lattice.arcs] == [
        ("call", None), ("mattie", "7"), ("krull", "7"),
    ]  # fmt: skip


def test_a_respelling_has_a_smaller_bonus_and_never_replaces_a_name() -> None:
    biasing = biasing_of(Entry("contacts", "Mattie"), Entry("contacts", "Rosie"))
    own, other = (sum(one.nats for one in biasing.graph.matches(["call", word]))
                  for word in ("mattie", "matie"))  # fmt: skip
    assert 0 < other < own
    both = biasing_of(Entry("contacts", "Mattie", id="1"), Entry("contacts", "Matie", id="2"))
    assert [one.entry.id for one in names_in(["call", "matie"], both)] == ["2"]


def test_common_words_and_names_of_weight_zero_are_not_respelled() -> None:
    turn = Spellings({"_th": {"_t": 0.9}, "urn": {"urn": 0.9}})
    biasing = biasing_of(Entry("contacts", "Thurn"), spellings=turn)
    assert list(names_in(["call", "turn"], biasing)) == []
    idle = biasing_of(Entry("contacts", "Mattie", weight=0.0))
    assert list(names_in(["call", "matie"], idle)) == []
    off = BiasingOptions(respelled=0.0)
    none = build(Context((Entry("contacts", "Mattie"),)), TOKENS, PIECES, off, RULES)
    assert none is not None
    assert list(names_in(["call", "matie"], none)) == []


@given(st.text(alphabet=LETTERS + " ", max_size=60), st.integers(0, 5))
def test_respellings_are_few_and_keep_the_number_of_words(text: str, most: int) -> None:
    found = LEARNED.of(text, most)
    assert len(found) <= most
    assert len({one.text for one in found}) == len(found)
    for one in found:
        assert len(one.text.split()) == len(text.split())
        assert one.text != " ".join(text.split())
        assert LEAST <= one.likelihood <= 1


@pytest.mark.parametrize("line", ["a", "a\tb", "a\tb\tc", "a\tb\t0", "a\tb\t1.5", "a\tb\tnan"])
def test_a_damaged_table_is_refused(tmp_path: Path, line: str) -> None:
    table = tmp_path / "spellings.tsv"
    table.write_text(f"ie_\ty_\t0.4\n{line}\n")
    with pytest.raises(ModelError, match=r"spellings\.tsv:2: .* install the bundle again"):
        Spellings.load(table)
    with pytest.raises(ModelError, match="missing.tsv"):
        Spellings.load(tmp_path / "missing.tsv")
