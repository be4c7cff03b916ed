"""The result of a session as one JSON object.

In: a connected client and the fields of a `final` event. Out: plain Python that JSON can write.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from auricle.client.client import AssistantClient

MOST_HYPOTHESES = 100


async def final_result(client: AssistantClient, final: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a session that has just ended.

    Raises:
        AuricleError: the session is no longer available.
    """
    session = str(final["session"])
    nbest = await client.nbest(session, MOST_HYPOTHESES)
    words = await client.words(session)
    return {
        "session": session,
        "text": final["text"],
        "written": await client.written(session),
        "nbest": [{"text": text, "score": round(score, 4)} for text, score in nbest],
        "words": [
            {"word": word, "start": start, "end": end, "confidence": round(confidence, 4)}
            for word, start, end, confidence in words
        ],
        "names": [asdict(name) for name in await client.names(session)],
        "reason": final["reason"],
        "time": round(final["time"], 3),
    }
