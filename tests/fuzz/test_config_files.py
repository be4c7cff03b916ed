"""Any bytes as a configuration file: a valid configuration, or mistakes with their places."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from auricle.config import Config, examine, reload
from auricle.errors import ConfigError

WORDS = (
    "audio", "wake", "models", "log", "level", "endpoint", "final_ms", "recognizer", "bundle",
    "second_pass", "privacy", "reranker", "url", "!!int", "!!float ''", "!!timestamp", "!!binary",
    "!!set", "!!omap", "!!python/name:os", "!x", "&a", "*a", "<<", "~", "null", "true", "off", "=",
    "2001-99-99", "0x_", "0b_", "._", ".nan", "-.inf", "1e400", "1:99", "9" * 400, '"\\0"',
    '"\\ud800"', '"\\UFFFFFFFF"', "'", '"', "|", ">", "%YAML 1.9", "%TAG ! x", "---", "...",
    "alexa",
    "{", "}", "[", "]", ":", ": ", ",", "- ", "? ", "#", "\n", "\n  ", "\n    ", " ", "\t", "\x85",
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Read a configuration file; raise an error only if the reader fails."""
    with tempfile.TemporaryDirectory(prefix="auricle-fuzz-") as folder:
        path = Path(folder) / "auricle.yaml"
        path.write_bytes(data)
        examination = examine(path)
        assert (examination.config is None) == bool(examination.mistakes)
        for mistake in examination.mistakes:
            assert str(mistake).startswith(str(path))
            assert str(mistake).isprintable()
        try:
            reload(Config(), path)
        except ConfigError as error:
            assert str(error)


@given(parts=st.lists(st.sampled_from(WORDS), max_size=20))
def test_any_words_are_read_or_refused(parts: list[str]) -> None:
    fuzz_one("".join(parts).encode())


@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    fuzz_one(data)
