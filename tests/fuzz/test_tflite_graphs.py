"""Any change of a TFLite file: the completeness check says yes or no, and reads nothing outside.

An input is a list of changes of a real file, three bytes of position and one new byte each, so that
the corpus stays small. The runtime itself is not called: a changed file whose offsets are all right
may crash it, and is refused by its checksum before.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import given

from auricle.tflite.verify import is_whole
from fuzzing.strategies import inputs_of

MODEL = Path(__file__).parents[2] / "models" / "wake" / "alexa.tflite"
WHOLE = MODEL.read_bytes()


def fuzz_one(data: bytes) -> None:
    """Check a changed file; raise AssertionError if the check accepts a part of a file."""
    content = bytearray(WHOLE)
    for high, middle, low, byte in zip(*[iter(data)] * 4, strict=False):
        content[(high << 16 | middle << 8 | low) % len(content)] = byte
    assert is_whole(bytes(content)) in (True, False)
    end = int.from_bytes(data[-3:], "big") % (len(content) - 4)  # its last bytes are padding
    cut = content[:end]
    assert not (is_whole(bytes(cut)) and content == WHOLE)


@given(inputs_of("tflite_graphs"))
def test_any_change_is_judged(data: bytes) -> None:
    fuzz_one(data)
