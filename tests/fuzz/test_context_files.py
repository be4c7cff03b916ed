"""Any bytes as a file of names: mistakes are reported with their lines, or all names are valid."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given

from auricle.context.entries import KINDS, Entry
from auricle.context.file import read_context, read_names
from auricle.context.validation import MOST_SPOKEN, clean_name
from auricle.errors import ConfigError
from fuzzing.strategies import inputs_of


def fuzz_one(data: bytes) -> None:
    """Read a file in both ways; raise AssertionError if a name is not valid."""
    with tempfile.NamedTemporaryFile(prefix="auricle-fuzz-") as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        for read in (lambda: read_context(path).entries, lambda: read_names(path, "contacts")):
            try:
                entries = read()
            except ConfigError as error:
                lines = str(error).splitlines()
                assert lines
                assert all(line.startswith(file.name) for line in lines)
            else:
                check(entries)


def check(entries: tuple[Entry, ...]) -> None:
    """Raise AssertionError unless the entries are valid."""
    for entry in entries:
        assert entry.kind in KINDS
        assert len(entry.spoken) <= MOST_SPOKEN
        for name in (entry.written, *entry.spoken):
            assert clean_name(name, "name") == name


@given(inputs_of("context_files"))
def test_any_bytes_are_refused_or_hold_valid_names(data: bytes) -> None:
    fuzz_one(data)
