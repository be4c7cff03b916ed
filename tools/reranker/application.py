"""The service as an ASGI application: authentication, validation and answers.

In: `POST /v1/rerank` with a question in the relay's wire schema, validated by the relay's own code;
`GET /health`. Out: `{"version": 1, "session": 7, "readings": [["call contact-a", -3.25], ...]}`,
best first, or `{"version": 1, "error": "..."}`, which names the field but contains no word of the
question. Questions are neither stored nor logged.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from auricle.errors import RefusedError
from auricle.wire.schema import (
    MOST_ANSWER_BYTES,
    MOST_BYTES,
    VERSION,
    LatticeReading,
    Question,
    decode_question,
)
from reranker.batching import Batches, BatchOptions, BusyError
from reranker.ranking import Ranker

LOG = logging.getLogger("reranker")
PATH = "/v1/rerank"
BODY_SECONDS = 5.0  # timeout for receiving a question
RETRY_SECONDS = 1  # retry-after of status 429; the relay retries earlier, within its budget


def make_application(ranker: Ranker, token: str, options: BatchOptions | None = None) -> FastAPI:
    """Return the application.

    Args:
        ranker: ranks the readings.
        token: bearer token that clients must send.
        options: how questions are batched.
    """
    batches: Batches[Question, tuple[LatticeReading, ...]] = Batches(
        ranker.rank, options or BatchOptions()
    )
    counts: Counter[str] = Counter()

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        async with batches:
            yield

    # README.md documents the interface; FastAPI's pages would load scripts from other servers.
    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=running)

    @application.post(PATH)
    async def rerank(request: Request) -> Response:
        try:
            _check_token(request, token)
            question = await _question_of(request)
            readings = await batches.ask(question)
        except BusyError:
            counts["turned_away"] += 1
            wait = {"retry-after": str(RETRY_SECONDS)}
            return _fault(HTTPStatus.TOO_MANY_REQUESTS, "queue full: try again", wait)
        except HTTPException:
            counts["refused"] += 1
            raise
        except Exception as error:  # log only type and line: the message may quote the question
            counts["failed"] += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            fault = f"internal error: {type(error).__name__}"
            LOG.error("%s, in %s line %s", fault, last.filename, last.lineno)
            return _fault(HTTPStatus.INTERNAL_SERVER_ERROR, fault)
        counts["answered"] += 1
        return _json(HTTPStatus.OK, answer_of(question, readings))

    @application.get("/health")
    async def health() -> Response:
        told = {"status": "ready", "waiting": batches.waiting, **counts}
        return _json(HTTPStatus.OK, {"version": VERSION, **told})

    @application.exception_handler(HTTPException)
    async def tell(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _fault(error.status_code, error.detail, error.headers)

    return application


def answer_of(question: Question, readings: Sequence[LatticeReading]) -> dict[str, Any]:
    """Return the answer to a question, with as many readings as fit into the size limit."""
    answer: dict[str, Any] = {"version": VERSION, "session": question.session, "readings": []}
    left = MOST_ANSWER_BYTES - len(json.dumps(answer))
    for reading in readings:
        pair = [reading.text, reading.score]
        left -= len(json.dumps(pair)) + len(", ")
        if left < 0:
            break
        answer["readings"].append(pair)
    return answer


def _check_token(request: Request, token: str) -> None:
    """Raise HTTPException if the request has no valid token."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    # Constant time, so that response times reveal no prefix of the token.
    same = hmac.compare_digest(given.strip().encode("utf-8"), token.encode("utf-8"))
    if kind.lower() != "bearer" or not same:
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            "authorization: must be 'Bearer' and the token of this service",
            {"www-authenticate": "Bearer"},
        )


async def _question_of(request: Request) -> Question:
    """Return the question in a request; raise HTTPException if it is invalid."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "content-type: must be application/json"
        )
    data = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                data += part
                if len(data) > MOST_BYTES:
                    raise HTTPException(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        f"body: has more than {MOST_BYTES} bytes; prune the lattice",
                    )
        return decode_question(data)
    except TimeoutError:
        raise HTTPException(
            HTTPStatus.REQUEST_TIMEOUT, f"body: not received within {BODY_SECONDS:g} seconds"
        ) from None
    except ClientDisconnect:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "body: incomplete") from None
    except RefusedError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from None


def _json(status: int, content: dict[str, Any]) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")


def _fault(status: int, told: str, headers: Any = None) -> Response:
    content = json.dumps({"version": VERSION, "error": told})
    return Response(content, status, headers, "application/json")
