"""Rules between several configuration keys that are each valid on their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auricle.config.schema import Config


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on several keys."""

    keys: tuple[str, ...]  # dotted paths; the mistake is reported at the first one that is set
    remedy: str
    holds: Callable[[Config], bool]


def distinct_wake_models(config: Config) -> bool:
    """Return whether all wake-word models are different."""
    names = [model.model for model in config.wake.models]
    return len(names) == len(set(names))


RULES = (
    Rule(
        ("endpoint.speculative_ms", "endpoint.final_ms"),
        "endpoint.speculative_ms must be less than endpoint.final_ms",
        lambda config: config.endpoint.speculative_ms < config.endpoint.final_ms,
    ),
    Rule(
        ("endpoint.decoder_ms", "endpoint.final_ms"),
        "endpoint.decoder_ms must not be less than endpoint.final_ms",
        lambda config: config.endpoint.final_ms <= config.endpoint.decoder_ms,
    ),
    Rule(
        ("endpoint.no_speech_seconds", "endpoint.maximum_seconds"),
        "endpoint.no_speech_seconds must be less than endpoint.maximum_seconds",
        lambda config: config.endpoint.no_speech_seconds < config.endpoint.maximum_seconds,
    ),
    Rule(
        ("endpoint.decoder_ms", "endpoint.maximum_seconds"),
        "endpoint.decoder_ms must be less than endpoint.maximum_seconds",
        lambda config: config.endpoint.decoder_ms < 1000 * config.endpoint.maximum_seconds,
    ),
    Rule(
        ("audio.pre_roll_seconds", "audio.ring_seconds"),
        "audio.pre_roll_seconds must be less than audio.ring_seconds",
        lambda config: config.audio.pre_roll_seconds < config.audio.ring_seconds,
    ),
    Rule(
        ("feedback.led", "privacy.led"),
        "feedback.led and privacy.led must name different LEDs",
        lambda config: config.feedback.led is None or config.feedback.led != config.privacy.led,
    ),
    Rule(
        ("wake.models", "wake.enabled"),
        "wake.models must name at least one model while wake words are enabled",
        lambda config: bool(config.wake.models) or not config.wake.enabled,
    ),
    Rule(("wake.models",), "wake.models must name each model only once", distinct_wake_models),
)
