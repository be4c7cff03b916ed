"""The core, the configuration and the owner's file agree on every default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from auricle import defaults
from auricle.audio.vad import VoiceActivity
from auricle.config import Config
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.endpoint import EndpointOptions

DOCUMENTED = yaml.safe_load((Path(__file__).parents[2] / "etc" / "auricle.yaml").read_text("utf-8"))
CORE = {
    ("recognizer", "beam"): SearchOptions().beam,
    ("recognizer", "nbest"): SearchOptions().nbest,
    ("recognizer", "lattice_beam"): SearchOptions().lattice_beam,
    ("recognizer", "max_symbols"): SearchOptions().max_symbols,
    ("endpoint", "speculative_ms"): EndpointOptions().speculative * 1000,
    ("endpoint", "final_ms"): EndpointOptions().final * 1000,
    ("endpoint", "decoder_ms"): EndpointOptions().decoder * 1000,
    ("endpoint", "no_speech_seconds"): EndpointOptions().no_speech,
    ("endpoint", "maximum_seconds"): EndpointOptions().maximum,
}


@pytest.mark.parametrize(("place", "value"), CORE.items(), ids=str)
def test_core_configuration_and_documentation_agree(place: tuple[str, str], value: Any) -> None:
    section, key = place
    assert getattr(getattr(Config(), section), key) == pytest.approx(value)
    assert DOCUMENTED[section][key] == pytest.approx(value)


def test_the_voice_detector_has_the_defaults_of_the_configuration() -> None:
    signature = VoiceActivity.__init__.__defaults__
    vad = Config().vad
    assert signature == (vad.aggressiveness, vad.hangover_ms / 1000)
    assert DOCUMENTED["vad"] == {"aggressiveness": 2, "hangover_ms": defaults.VAD_HANGOVER_MS}
