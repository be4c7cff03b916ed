"""Preparing names: their bonuses, their meanings, and the cost of building them."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from auricle.biasing.biasing import Biasing, BiasingOptions, build
from auricle.biasing.tagging import marked, names_in, spelled, spelled_for_good
from auricle.biasing.vocabulary import Vocabulary
from auricle.context.entries import Context, Entry
from auricle.errors import ArgumentError
from auricle.lattice.lattice import Arc, Lattice
from auricle.tokenizer import Tokenizer

SHIPPED = Path(__file__).parents[2] / "models" / "en-tiny"
TOKENS = Vocabulary(Tokenizer.load(SHIPPED / "tokens.txt"))
PIECES = Vocabulary(Tokenizer.load(SHIPPED / "pieces.txt"))


def biasing_of(*entries: Entry, options: BiasingOptions | None = None) -> Biasing:
    biasing = build(Context(entries), TOKENS, PIECES, options)
    assert biasing is not None
    return biasing


def earned(biasing: Biasing, text: str) -> float:
    return sum(said.nats for said in biasing.graph.matches(text.split()))


def named(biasing: Biasing, text: str) -> list[str]:
    return [found.entry.written for found in names_in(text.split(), biasing)]


def test_a_context_without_names_gives_no_biasing() -> None:
    assert build(Context(), TOKENS, PIECES) is None
    assert build(Context((Entry("media", "💡"), Entry("media", "مصباح"))), TOKENS, PIECES) is None
    off = BiasingOptions(factor=0.0)
    assert build(Context((Entry("media", "Thriller"),)), TOKENS, PIECES, off) is None


def test_a_bundle_without_a_second_pass_has_names_too() -> None:
    biasing = build(Context((Entry("media", "Thriller"),)), TOKENS)
    assert biasing is not None
    assert biasing.attention is None
    assert earned(biasing, "play thriller") > 0


def test_longer_and_rarer_names_have_a_larger_bonus() -> None:
    biasing = biasing_of(*(Entry("media", name) for name in ("Ono", "Thriller", "Kitchen Party")))
    assert 0 < earned(biasing, "ono") < earned(biasing, "thriller")


@pytest.mark.parametrize("name", ["May", "Will", "Off"])
def test_a_common_word_is_a_name_only_where_one_is_expected(name: str) -> None:
    biasing = biasing_of(Entry("contacts", name))
    word = name.lower()
    assert earned(biasing, f"turn it {word}") == 0
    assert named(biasing, f"turn it {word}") == []
    assert 0 < earned(biasing, f"call {word}") < 4
    assert named(biasing, f"call {word}") == [name]


def test_a_name_of_weight_zero_is_tagged_but_has_no_bonus() -> None:
    biasing = biasing_of(Entry("media", "Thriller", weight=0.0))
    assert earned(biasing, "play thriller") == 0
    assert named(biasing, "play thriller") == ["Thriller"]


def test_each_kind_is_expected_after_its_own_words() -> None:
    biasing = biasing_of(
        Entry("contacts", "Kathleen"), Entry("media", "Kathleen"), Entry("things", "Kathleen")
    )
    kinds = [
        [found.entry.kind for found in names_in(text.split(), biasing)]
        for text in ("call kathleen", "play kathleen", "kathleen")
    ]
    assert kinds == [["contacts"], ["media"], ["contacts"]]
    assert earned(biasing, "call kathleen") > earned(biasing, "kathleen") > 0


def test_duplicate_names_count_once() -> None:
    once, twice = (biasing_of(*[Entry("media", "Thriller")] * count) for count in (1, 2))
    assert once.graph.forms == twice.graph.forms


def test_the_longest_matching_name_wins() -> None:
    biasing = biasing_of(Entry("contacts", "John"), Entry("contacts", "John Zimmer"))
    assert named(biasing, "call john zimmer and john") == ["John Zimmer", "John"]


def test_words_where_a_name_may_have_begun_are_not_final() -> None:
    biasing = biasing_of(Entry("contacts", "McVeigh"), Entry("contacts", "Anna Maria"))
    words = ("call", "anna", "maria", "now")
    assert spelled_for_good(words[:2], biasing) == ("call",)
    assert spelled_for_good(words[:3], biasing) == ("call",)
    assert spelled_for_good(words, biasing) == tuple(spelled(" ".join(words), biasing).split())


def test_arcs_carry_the_entry_of_their_best_path() -> None:
    arcs = (
        Arc(0, 1, "play", -1.0, 0.0, 0.0, 0.3),
        Arc(1, 2, "bat", -1.0, 0.0, 0.3, 0.6),
        Arc(2, 3, "cave", -1.0, 0.0, 0.6, 0.9),
        Arc(2, 3, "gave", -2.0, 0.0, 0.6, 0.9),
    )
    lattice = marked(Lattice(4, arcs), biasing_of(Entry("media", "BatCave", id="7")), 5)
    assert [(arc.entry, arc.kind) for arc in lattice.arcs] == [
        (None, None), ("7", "media"), ("7", "media"), (None, None),
    ]  # fmt: skip


def test_ten_thousand_names_build_fast_and_search_as_fast_as_ten() -> None:
    draw = random.Random(1)

    def word() -> str:
        return "".join(draw.choice(["ba", "ri", "lo", "ten", "ka", "mo"]) for _ in range(3))

    entries = [Entry("contacts", f"{word()} {word()}".title(), id=str(n)) for n in range(10_000)]
    began = time.thread_time()
    many, few = biasing_of(*entries), biasing_of(*entries[:10])
    assert time.thread_time() - began < 4.0  # about 1 s; a busy machine is slower
    spent = []
    for biasing in (few, many):
        began = time.thread_time()
        for _ in range(2000):
            sum(1 for _ in biasing.graph.matches(["call", "barilo", "tenkamo", "please"]))
        spent.append(time.thread_time() - began)
    assert spent[1] < 5 * spent[0] + 0.05


@pytest.mark.parametrize(
    "field", ["factor", "letter", "common", "longest", "list_size_penalty", "expected"]
)
def test_impossible_options_are_refused(field: str) -> None:
    with pytest.raises(ArgumentError, match=field):
        BiasingOptions(**{field: float("nan")})
