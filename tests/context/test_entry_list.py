"""Packed entries against a list of entries."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from auricle.context.entries import Entry
from auricle.context.entry_list import EntryList, EntryLists, fingerprints, weights_and_kinds

texts = st.sampled_from(["Ann", "Bob", "Zoë", "💡", "Ann Bob", "B", "1"])
entries = st.lists(
    st.builds(
        Entry,
        kind=st.just("contacts"),
        written=texts,
        spoken=st.lists(texts, max_size=3).map(tuple),
        weight=st.sampled_from([0.0, 1.0, 0.3]),
        id=st.sampled_from(["", "1", "Ann"]),
    ),
    max_size=60,
)


def distinct(*some: Entry) -> list[Entry]:
    return list({(entry.written, entry.id): entry for entry in some}.values())


@given(entries, entries, st.lists(texts, max_size=3))
def test_a_packed_list_is_a_list(first: list[Entry], second: list[Entry], names: list[str]) -> None:
    packed = EntryList("contacts", first)
    assert list(packed) == distinct(*first) == packed[:]
    more = packed.with_more(second)
    assert list(more) == distinct(*distinct(*first), *second)
    assert more.need == EntryList("contacts", more).need
    assert more.text_bytes == EntryList("contacts", more).text_bytes
    assert more == EntryList("contacts", more)
    left = [one for one in more if not {one.written, one.id} & {*names}]
    assert list(more.without(names)) == left
    assert more.not_in(packed) == [one for one in more if one not in list(packed)]
    assert [more[place] for place in range(len(more))] == list(more)
    for place, entry in enumerate(more):
        assert more.find((entry.written, entry.id)) == place
    assert more.find(("nobody", "")) == -1


@given(entries, entries)
def test_lists_are_joined_entry_by_entry(first: list[Entry], second: list[Entry]) -> None:
    one, other = EntryList("contacts", first), EntryList("contacts", second)
    joined = {(entry.written, entry.id): entry for entry in one.joined(other)}
    assert [*joined] == [(entry.written, entry.id) for entry in distinct(*one, *other)]
    for entry in (*one, *other):
        both = joined[entry.written, entry.id]
        assert set(entry.spoken) <= set(both.spoken)
        assert entry.weight <= both.weight


@given(entries, st.integers(0, 2000), st.integers(0, 20_000))
def test_what_fits_is_at_most_as_large_as_allowed(some: list[Entry], text: int, need: int) -> None:
    packed = EntryList("contacts", some)
    count = packed.fitting(text, need)
    fits = packed.first(count)
    assert list(fits) == packed[:count]
    assert fits.text_bytes <= text
    assert fits.need <= need
    if count < len(packed):
        larger = packed.first(count + 1)
        assert larger.text_bytes > text or larger.need > need


def test_columns_of_several_kinds_and_of_none() -> None:
    people = EntryList("contacts", [Entry("contacts", "Ann", weight=0.5), Entry("contacts", "Bob")])
    things = EntryList("media", [Entry("media", "Ann")])
    for lists in ((people, things), (things,), ()):
        joined = EntryLists(lists)
        prints, (weights, kinds) = fingerprints(joined), weights_and_kinds(joined, len)
        assert len({*prints.tolist()}) == len(joined) == len(list(joined))
        assert weights.tolist() == [entry.weight for entry in joined]
        assert kinds.tolist() == [len(entry.kind) for entry in joined]
        assert kinds.dtype == np.intp
        assert joined == tuple(joined)
        assert [joined[place] for place in range(len(joined))] == list(joined)
