"""Reads the JSON file of a microWakeWord model: its phrase, its network and its trigger settings.

In: the path of the JSON file and its content. Out: a checked `Description`. The format is version 2
of https://esphome.io/components/micro_wake_word ("micro" models).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auricle.errors import MalformedError, ModelError
from auricle.parsing.json_text import parse_json
from auricle.parsing.limits import Limits, shown

LIMITS = Limits(bytes=64 * 1024, nodes=1000)  # a shipped file has 400 bytes and 15 values
LONGEST_TEXT = 200  # characters of the wake word and of the author
VERSION = 2
STEP_MILLISECONDS = 10  # step of the feature frames; the front end has no other


@dataclass(frozen=True, slots=True)
class Description:
    """The metadata of a microWakeWord model."""

    name: str  # stem of the JSON file; its name in the configuration and on the command line
    phrase: str  # the wake word, as the author writes it
    network: Path  # the TFLite file
    cutoff: float  # minimum mean probability of a detection, 0 to 1
    window: int  # number of probabilities in the mean, at least 1
    languages: tuple[str, ...]  # BCP 47 codes of the training voices; may be empty
    author: str  # empty if not stated


class Fields:
    """The keys of a JSON object; reports a missing or wrong one with its name."""

    def __init__(self, values: dict[str, Any], source: Path, prefix: str = "") -> None:
        self.values = values
        self.source = source
        self.prefix = prefix

    def take(self, key: str, kind: type | tuple[type, ...], expected: str) -> Any:
        """Return the value of a required key and check its type.

        Raises:
            ModelError: the key is missing, or its value is of another type.
        """
        if key not in self.values:
            raise ModelError(
                f"{self.source}: the key {self.prefix}{key} is missing; it must be {expected}."
            )
        value = self.values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.refuse(key, expected)
        return value

    def refuse(self, key: str, expected: str) -> ModelError:
        """Return the error for a wrong value."""
        value = shown(json.dumps(self.values[key], ensure_ascii=False))
        return ModelError(f"{self.source}: {self.prefix}{key} is {value}; it must be {expected}.")


def read_description(path: Path, data: bytes) -> Description:
    """Check the JSON of a microWakeWord model.

    Args:
        path: the path of the file.
        data: its content.

    Raises:
        ModelError: the content is not JSON or has another type or version; or a key is missing or
            has an impossible value.
    """
    fields = Fields(read_object(path, data), path)
    if fields.take("type", str, '"micro"') != "micro":
        raise fields.refuse("type", '"micro", the only supported type of wake-word model')
    if fields.take("version", int, str(VERSION)) != VERSION:
        raise fields.refuse("version", f"{VERSION}; convert or retrain the model")
    phrase = fields.take("wake_word", str, "the words to say")
    if not phrase.strip() or not phrase.isprintable() or len(phrase) > LONGEST_TEXT:
        raise fields.refuse("wake_word", "the words to say")
    network = fields.take("model", str, "the name of the TFLite file beside this one")
    if not network or not network.isprintable() or Path(network).name != network:
        raise fields.refuse(
            "model", "the name of the TFLite file beside this one, not a path or URL"
        )
    micro = Fields(fields.take("micro", dict, "an object"), path, "micro.")
    return Description(
        name=path.stem,
        phrase=phrase,
        network=path.parent / network,
        cutoff=take_cutoff(micro),
        window=take_window(micro),
        languages=take_languages(fields),
        author=take_author(fields),
    )


def read_object(path: Path, data: bytes) -> dict[str, Any]:
    """Return the JSON object of a file."""
    try:
        content = parse_json(data, LIMITS)
    except MalformedError as error:
        raise ModelError(
            f"{path} is not the JSON of a wake word ({error}); install the model again."
        ) from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a JSON object; install the model again.")
    return content


def take_author(fields: Fields) -> str:
    """Return the author; empty if it is not stated."""
    author: str = fields.take("author", str, "a name") if "author" in fields.values else ""
    if not author.isprintable() or len(author) > LONGEST_TEXT:
        raise fields.refuse("author", "a name")
    return author


def take_cutoff(micro: Fields) -> float:
    """Return the minimum mean probability of a detection."""
    expected = "a probability above 0 and below 1"
    cutoff = float(micro.take("probability_cutoff", (int, float), expected))
    if not (math.isfinite(cutoff) and 0 < cutoff < 1):
        raise micro.refuse("probability_cutoff", expected)
    return cutoff


def take_window(micro: Fields) -> int:
    """Return the number of probabilities in the mean; check the step of the feature frames."""
    expected = f"{STEP_MILLISECONDS}, the milliseconds between two feature frames"
    if micro.take("feature_step_size", int, expected) != STEP_MILLISECONDS:
        raise micro.refuse("feature_step_size", expected)
    expected = "a whole number from 1 to 100"
    window: int = micro.take("sliding_window_size", int, expected)
    if not 1 <= window <= 100:
        raise micro.refuse("sliding_window_size", expected)
    return window


def take_languages(fields: Fields) -> tuple[str, ...]:
    """Return the languages of the training voices; an empty tuple if they are not stated."""
    if "trained_languages" not in fields.values:
        return ()
    languages = fields.take("trained_languages", list, "a list of language codes")
    if not all(isinstance(language, str) for language in languages):
        raise fields.refuse("trained_languages", "a list of language codes")
    return tuple(languages)
