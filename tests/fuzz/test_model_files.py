"""Any bytes as a file of a model: it is read, or refused with a ModelError that names the file.

Each input is tried as a manifest, the JSON of a wake word, a TFLite file, a vocabulary, a table of
spellings, and the columns of a language model with a right header.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.biasing.respelling import Spellings
from auricle.bundle.manifest import load_bundle
from auricle.errors import ModelError
from auricle.recognizer import language_model, word_model
from auricle.recognizer.language_model import LanguageModel
from auricle.recognizer.model_file import digest
from auricle.recognizer.word_model import WordModel
from auricle.tflite.values import find_fault
from auricle.tflite.verify import is_whole
from auricle.tokenizer import Tokenizer
from auricle.wake.model_files import read_model_files

MODELS = Path(__file__).parents[2] / "models"
ALEXA = (MODELS / "wake" / "alexa.tflite").read_bytes()
PIECES = ("<blank>", "▁a", "b")


def fuzz_one(data: bytes) -> None:
    """Read a file as every kind of model file; raise an error only if a reader fails."""
    if is_whole(data):
        assert isinstance(find_fault(data), str)
    with tempfile.TemporaryDirectory(prefix="auricle-fuzz-") as name:
        folder = Path(name)
        for file, (content, read) in readers(data).items():
            (folder / file).write_bytes(content)
            try:
                read(folder / file)
            except ModelError as error:
                assert name in str(error)
            (folder / file).unlink()


def readers(data: bytes) -> dict[str, tuple[bytes, Callable[[Path], object]]]:
    """Return the content and the reader of each kind of file."""
    crc, vocabulary = zlib.crc32(data), digest(PIECES)
    tokens = language_model.HEADER.pack(b"AURNGRAM", 1, 2, len(PIECES), crc, vocabulary)
    words = word_model.HEADER.pack(b"AURWORDS", 1, 2, len(PIECES), 3, crc, vocabulary)
    return {
        "manifest.yaml": (data, lambda path: load_bundle(path.parent, "recognizer")),
        "word.json": (data, read_model_files),
        "tokens.txt": (data, Tokenizer.load),
        "spellings.tsv": (data, Spellings.load),
        "ngram.bin": (tokens + data, lambda path: LanguageModel.load(path, PIECES)),
        "words.bin": (words + data, lambda path: WordModel.load(path, PIECES)),
    }


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    fuzz_one(data)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a.tflite", "..", "/etc/passwd", "micro", "0" * 64, 10**400])
    | st.sampled_from(["\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
MICRO = {"probability_cutoff": 0.9, "sliding_window_size": 5, "feature_step_size": 10}
WORD = {"type": "micro", "wake_word": "a", "author": "b", "model": "a.tflite", "version": 2,
        "micro": MICRO}  # fmt: skip
BUNDLE = {"format": 2, "name": "a", "version": "1", "kind": "recognizer", "language": "en",
          "settings": {}, "files": {"a": "0" * 64}}  # fmt: skip


@given(key=st.sampled_from([*WORD, *MICRO]), value=VALUES)
def test_any_value_in_the_json_of_a_wake_word(key: str, value: object) -> None:
    content = WORD | {key: value} if key in WORD else WORD | {"micro": MICRO | {key: value}}
    fuzz_one(json.dumps(content).encode())


@given(key=st.sampled_from([*BUNDLE]), value=VALUES)
def test_any_value_in_a_manifest(key: str, value: object) -> None:
    text = yaml.safe_dump(BUNDLE | {key: value}, allow_unicode=True)
    fuzz_one(text.encode("utf-8", "surrogatepass"))


CHANGE = st.tuples(st.integers(0, len(ALEXA) - 1), st.binary(min_size=1, max_size=8))


@settings(max_examples=200)
@given(changes=st.lists(CHANGE, min_size=1, max_size=4))
def test_any_change_of_a_network_is_checked_within_its_bytes(
    changes: list[tuple[int, bytes]],
) -> None:
    content = bytearray(ALEXA)
    for place, new in changes:
        content[place : place + len(new)] = new
    if is_whole(bytes(content)):
        assert isinstance(find_fault(bytes(content)), str)
