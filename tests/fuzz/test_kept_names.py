"""Any bytes as a file of kept names: the store starts, and keeps what comes afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given

from auricle.context.entries import Entry
from auricle.context.entry_sets import EntrySet, Source
from auricle.context.store import Store
from auricle.context.validation import clean_name
from fuzzing.strategies import inputs_of

SOURCE = Source(1000, "default")
LATER = EntrySet().with_only("contacts", (Entry("contacts", "Ann Lee"),))


def fuzz_one(data: bytes) -> None:
    """Start a store on a file; raise AssertionError if it does not recover from damage."""
    with tempfile.TemporaryDirectory(prefix="auricle-fuzz-") as name:
        folder = Path(name)
        (folder / "1000-default.json").write_bytes(data)
        sets, damaged = Store(folder).load()
        if SOURCE not in sets:
            assert damaged
        for entry_set in sets.values():
            for entries in entry_set.kinds.values():
                for entry in entries:
                    assert clean_name(entry.written, "name") == entry.written
        store = Store(folder)
        again, damaged_again = store.load()
        assert again == sets
        assert not damaged_again  # what was damaged has been set aside or removed
        store.save(SOURCE, LATER)
        assert Store(folder).load() == ({SOURCE: LATER}, [])


@given(inputs_of("kept_names"))
def test_the_store_starts_with_any_file(data: bytes) -> None:
    fuzz_one(data)
