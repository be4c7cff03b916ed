"""The book, against a simple model of it: a list of entries for each owner."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from auricle.context import entry_sets as limits
from auricle.context.entries import Context, Entry
from auricle.context.entry_sets import EntrySet, EntrySets, Guest, Owner, Source, merge
from auricle.context.memory import need_of
from auricle.errors import (
    AuricleError,
    ContextFullError,
    ContextTooLargeError,
    TooManyEntriesError,
)

OWNERS = st.sampled_from([Guest(":1.1"), Guest(":1.2"), Source(1000, "a"), Source(1001, "a")])
KINDS = st.sampled_from(["contacts", "media"])
NAMES = st.sampled_from(["Ann", "Bob", "Zoë", "the", "1"])
ENTRIES = st.lists(
    st.builds(
        lambda written, spoken, weight, id: (written, tuple(spoken), weight, id),
        NAMES,
        st.lists(st.sampled_from(["x", "y"]), unique=True),
        st.sampled_from([0.0, 1.0, 2.0]),
        st.sampled_from(["", "1", "2"]),
    ),
    max_size=6,
)


def entries_of(kind: str, given: list[tuple[str, tuple[str, ...], float, str]]) -> list[Entry]:
    return [Entry(kind, *each) for each in given]


class BookMachine(RuleBasedStateMachine):
    """Does the same to the book and to lists."""

    def __init__(self) -> None:
        super().__init__()
        self.book = EntrySets()
        self.model: dict[Owner, dict[str, list[Entry]]] = {}

    def of(self, owner: Owner, kind: str) -> list[Entry]:
        return self.model.setdefault(owner, {}).setdefault(kind, [])

    def insert(self, owner: Owner, kind: str, entries: list[Entry]) -> None:
        mine = self.of(owner, kind)
        for entry in entries:
            for index, known in enumerate(mine):
                if (known.written, known.id) == (entry.written, entry.id):
                    mine[index] = entry
                    break
            else:
                mine.append(entry)

    @rule(owner=OWNERS, kind=KINDS, given=ENTRIES)
    def replace(self, owner, kind, given):
        entries = entries_of(kind, given)
        self.book.put(owner, self.book.of(owner).with_only(kind, entries))
        self.of(owner, kind).clear()
        self.insert(owner, kind, entries)

    @rule(owner=OWNERS, kind=KINDS, given=ENTRIES)
    def add(self, owner, kind, given):
        entries = entries_of(kind, given)
        self.book.put(owner, self.book.of(owner).with_more(kind, entries))
        self.insert(owner, kind, entries)

    @rule(owner=OWNERS, kind=KINDS, names=st.lists(NAMES, max_size=3))
    def remove(self, owner, kind, names):
        self.book.put(owner, self.book.of(owner).without(kind, names))
        kept = [e for e in self.of(owner, kind) if e.written not in names and e.id not in names]
        self.model[owner][kind] = kept

    @rule(owner=OWNERS, kind=KINDS)
    def clear(self, owner, kind):
        self.book.put(owner, self.book.of(owner).without_kind(kind))
        self.of(owner, kind).clear()

    @rule(owner=OWNERS)
    def leave(self, owner):
        self.book.put(owner, EntrySet())
        self.model.pop(owner, None)

    @invariant()
    def they_agree(self):
        for owner, kinds in self.model.items():
            entry_set = self.book.of(owner)
            listed = {kind: entries for kind, entries in kinds.items() if entries}
            shown = {kind: list(entries) for kind, entries in entry_set.kinds.items()}
            assert shown == listed
            everything = [entry for entries in listed.values() for entry in entries]
            assert len(entry_set) == len(everything)
            assert entry_set.need == sum(map(need_of, everything))
            texts = [text for e in everything for text in (e.written, e.id, *e.spoken)]
            assert entry_set.text_bytes == len(everything) + sum(
                len(text.encode()) + 1 for text in texts
            )

    @invariant()
    def the_context_holds_each_entry_once_with_all_that_is_known(self):
        everything = [e for kinds in self.model.values() for es in kinds.values() for e in es]
        merged = merge(self.book.all).entries
        keys = [(entry.kind, entry.written, entry.id) for entry in merged]
        assert len(keys) == len(set(keys))
        assert set(keys) == {(entry.kind, entry.written, entry.id) for entry in everything}
        for entry, key in zip(merged, keys, strict=True):
            alike = [e for e in everything if (e.kind, e.written, e.id) == key]
            assert entry.weight == max(e.weight for e in alike)
            assert set(entry.spoken) == {form for e in alike for form in e.spoken}


TestBookAgainstItsModel = BookMachine.TestCase


@given(KINDS, ENTRIES, ENTRIES)
def test_a_entry_set_is_a_value(kind, first, second) -> None:
    entry_set = EntrySet().with_more(kind, entries_of(kind, first))
    before = list(entry_set.kinds.get(kind, ()))
    entry_set.with_more(kind, entries_of(kind, second))
    entry_set.without(kind, ["Ann"])
    assert list(entry_set.kinds.get(kind, ())) == before


def people(count: int) -> list[Entry]:
    return [Entry("contacts", str(number)) for number in range(count)]


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ("MOST_OF_ONE", TooManyEntriesError),
        ("MOST_OF_ALL", ContextFullError),
        ("MOST_BYTES", ContextTooLargeError),
        ("MOST_MEMORY", TooManyEntriesError),
    ],
)
def test_a_limit_is_told_before_it_is_passed_and_less_is_never_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, error: type[AuricleError]
) -> None:
    book, guest = EntrySets(), Guest(":1.1")
    book.put(Source(1000, "a"), EntrySet().with_only("media", [Entry("media", "x")]))
    entry_set = EntrySet().with_only("contacts", people(5))
    text = entry_set.text_bytes + 4
    memory = entry_set.need + need_of(Entry("media", "x"))
    most = {"MOST_OF_ONE": 5, "MOST_OF_ALL": 6, "MOST_BYTES": text, "MOST_MEMORY": memory}
    monkeypatch.setattr(limits, limit, most[limit])
    book.check(guest, entry_set)
    book.put(guest, entry_set)
    with pytest.raises(error, match="entries: 6: "):
        book.check(guest, entry_set.with_more("contacts", [Entry("contacts", "y")]))
    monkeypatch.setattr(limits, limit, 1)
    book.check(guest, entry_set.without("contacts", ["1"]))
    book.check(guest, entry_set)


def test_twenty_thousand_names_of_one_client_are_within_the_limits() -> None:
    EntrySets().check(Guest(":1.1"), EntrySet().with_only("contacts", people(20_000)))


def test_counts_are_of_all_owners_and_sources_those_of_one_user() -> None:
    book = EntrySets()
    book.put(Guest(":1.1"), EntrySet().with_only("contacts", people(2)))
    book.put(Source(1000, "a"), EntrySet().with_only("contacts", people(3)))
    book.put(Source(1001, "b"), EntrySet().with_only("media", [Entry("media", "x")]))
    assert book.counts == {"contacts": 5, "media": 1}
    assert {name: len(entry_set) for name, entry_set in book.sources(1000).items()} == {"a": 3}
    assert merge(book.all) == Context((*people(3)[:2], people(3)[2], Entry("media", "x")))


def test_a_hundred_thousand_names_of_people_need_less_than_allowed() -> None:
    book = EntrySets()
    for number in range(5):
        names = [Entry("contacts", f"Kathleen Mcveigh{chr(97 + one % 26)}", id=str(one))
                 for one in range(20_000)]  # fmt: skip
        guest = Guest(f":1.{number}")
        book.check(guest, entry_set := EntrySet().with_only("contacts", names))
        book.put(guest, entry_set)
    with pytest.raises(ContextFullError, match="100001, but the limit is 100000"):
        book.check(Guest(":1.9"), EntrySet().with_only("contacts", people(1)))


def test_names_that_need_too_much_memory_are_refused_with_figures() -> None:
    forms = tuple(f"Kathleen Mcveigh {chr(97 + one)}bc" for one in range(8))
    names = [Entry("contacts", "Kathleen Mcveigh", forms, id=str(one)) for one in range(20_000)]
    book = EntrySets()
    book.put(Guest(":1.1"), EntrySet().with_only("media", [Entry("media", "Thriller")]))
    entry_set = EntrySet().with_only("contacts", names)
    with pytest.raises(TooManyEntriesError) as refused:
        book.check(Guest(":1.2"), entry_set)
    told = re.search(
        r"entries: 20000: they need ([\d.]+) MiB of memory, but of 64.0 MiB for all clients 0.0 "
        r"MiB are used by others; send at most (\d+) like these, or fewer spoken forms",
        str(refused.value),
    )
    assert told is not None
    assert float(told[1]) == pytest.approx(entry_set.need / 2**20, abs=0.1)
    book.check(Guest(":1.2"), EntrySet().with_only("contacts", names[: int(told[2])]))
    with pytest.raises(TooManyEntriesError):
        book.check(Guest(":1.2"), EntrySet().with_only("contacts", names[: int(told[2]) + 9]))


@pytest.mark.parametrize("name", ["Person 12345", "Café", "Wi-Fi", "BatCave", "HVAC", "St Ann"])
def test_a_name_with_several_ways_to_say_it_needs_a_few_times_as_much(name: str) -> None:
    plain = need_of(Entry("media", "x" * len(name)))
    assert plain <= need_of(Entry("media", name)) <= 5 * plain
