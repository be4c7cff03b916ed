"""The JSON of a wake-word model: what is read, and what each mistake is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auricle.errors import ModelError
from auricle.wake.metadata import Description
from auricle.wake.metadata import read_description as parse

MISSING = object()


def write(folder: Path, *changes: tuple[str, object]) -> Path:
    """Write a right description with some keys changed or, if `MISSING`, left out."""
    content: dict[str, Any] = {
        "type": "micro",
        "wake_word": "Hey You",
        "author": "Somebody",
        "model": "you.tflite",
        "trained_languages": ["en", "de"],
        "version": 2,
        "micro": {
            "probability_cutoff": 0.9,
            "sliding_window_size": 5,
            "feature_step_size": 10,
            "tensor_arena_size": 22348,
            "minimum_esphome_version": "2024.7.0",
        },
    }
    for key, value in changes:
        *outer, last = key.split(".")
        place = content[outer[0]] if outer else content
        if value is MISSING:
            del place[last]
        else:
            place[last] = value
    path = folder / "hey_you.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def read_description(path: Path) -> Description:
    return parse(path, path.read_bytes())


def test_a_description_is_read(tmp_path: Path) -> None:
    assert read_description(write(tmp_path)) == Description(
        name="hey_you",
        phrase="Hey You",
        network=tmp_path / "you.tflite",
        cutoff=0.9,
        window=5,
        languages=("en", "de"),
        author="Somebody",
    )


def test_author_languages_and_what_microcontrollers_need_may_be_left_out(tmp_path: Path) -> None:
    keys = (
        "author",
        "trained_languages",
        "micro.tensor_arena_size",
        "micro.minimum_esphome_version",
    )
    description = read_description(write(tmp_path, *((key, MISSING) for key in keys)))
    assert (description.author, description.languages) == ("", ())


@pytest.mark.parametrize(
    "key",
    [
        "type",
        "version",
        "wake_word",
        "model",
        "micro",
        "micro.probability_cutoff",
        "micro.sliding_window_size",
        "micro.feature_step_size",
    ],
)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(ModelError, match=rf"hey_you\.json: the key {key} is missing; it must be "):
        read_description(write(tmp_path, (key, MISSING)))


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("type", "openwakeword", '"micro", the only supported type'),
        ("version", 1, "2; convert or retrain"),
        ("version", "2", "2"),
        ("wake_word", " ", "the words to say"),
        ("wake_word", 7, "the words to say"),
        ("model", "../../etc/passwd", "beside this one, not a path or URL"),
        ("model", "https://example.org/you.tflite", "beside this one, not a path or URL"),
        ("model", "", "the name of the TFLite file"),
        ("author", ["a", "b"], "a name"),
        ("trained_languages", "en", "a list of language codes"),
        ("trained_languages", ["en", 4], "a list of language codes"),
        ("micro", [], "an object"),
        ("micro.probability_cutoff", 1.5, "above 0 and below 1"),
        ("micro.probability_cutoff", True, "above 0 and below 1"),
        ("micro.probability_cutoff", 10**39, "above 0 and below 1"),
        ("wake_word", "a\n\x1b[2J", "the words to say"),
        ("wake_word", "a" * 201, "the words to say"),
        ("author", "a\x07b", "a name"),
        ("micro.sliding_window_size", 0, "from 1 to 100"),
        ("micro.sliding_window_size", 2.5, "from 1 to 100"),
        ("micro.feature_step_size", 20, "10, the milliseconds"),
    ],
)
def test_an_impossible_value_is_told_with_what_would_be_right(
    tmp_path: Path, key: str, value: object, remedy: str
) -> None:
    with pytest.raises(ModelError) as caught:
        read_description(write(tmp_path, (key, value)))
    told = json.dumps(value, ensure_ascii=False)[:60]
    assert f"hey_you.json: {key} is {told}" in str(caught.value)
    assert remedy in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b'{"type": "micro"'])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.json is not the JSON of .*install the model"):
        read_description(path)


def test_json_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match="is not a JSON object"):
        read_description(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"type": "micro", "micro": {"probability_cutoff": 1' + b"0" * 400 + b"}}", "401 char"),
        (b'{"micro": {"probability_cutoff": 1e400}}', "not a finite number"),
        (b'{"micro": {"probability_cutoff": NaN}}', "not a finite number"),
        (b"[" * 500 + b"]" * 500, "nested deeper"),
        (b'{"wake_word": "\\u0000"}', "wake_word: contains a NUL character"),
        (b'{"model": "\\ud800.tflite"}', "model: contains a surrogate"),
        (b'{"type": "micro", "type": "micro"}', "type: is set twice"),
        (b" " * 100_000, "must not be larger than 64 KiB"),
    ],
)
def test_what_exceeds_a_limit_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "hostile.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"hostile\.json is not the JSON .*{told}.*install"):
        read_description(path)
