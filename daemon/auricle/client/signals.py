"""Signals of the D-Bus interfaces, and the D-Bus type of the context entries.

The client decodes signals by these tables and the server declares its interfaces by them. This
module imports nothing, so that the client needs no module of the server.
"""

from __future__ import annotations

from collections.abc import Mapping

# Signal -> argument -> D-Bus type; the arguments are in order.
ASSISTANT_SIGNALS: Mapping[str, Mapping[str, str]] = {
    "Level": {"time": "d", "decibels": "d", "wake_scores": "a{sd}"},
}
SESSION_SIGNALS: Mapping[str, Mapping[str, str]] = {
    "Wake": {"wake_word": "s", "score": "d", "start": "d", "end": "d", "time": "d"},
    "Partial": {"text": "s", "time": "d"},
    "Settled": {"words": "u", "characters": "u", "time": "d"},
    "Speculative": {"text": "s", "time": "d"},
    "Revised": {"time": "d"},
    "Final": {"text": "s", "reason": "s", "time": "d", "reranked": "b"},
    "Cancelled": {"reason": "s", "time": "d"},
    "Error": {"error": "s", "message": "s", "time": "d"},
}

ENTRIES = "a(sasds)"  # written, spoken forms, weight, id
