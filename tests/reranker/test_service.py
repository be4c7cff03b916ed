"""The service over TLS, with tokens and with invalid requests."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from auricle.config.schema import RerankerSettings
from auricle.relay.answers import AnswerFault, read_body
from auricle.relay.reranker_client import Reranker
from auricle.wire.schema import MOST_BYTES, Question, encode_question
from reranker.__main__ import main
from testbed.patience import patience
from testbed.running_reranker import BUNDLE, RunningReranker

JSON = {"content-type": "application/json"}


@pytest_asyncio.fixture
async def client(service: RunningReranker) -> AsyncIterator[httpx.AsyncClient]:
    """A generic client that trusts the service and sends its token."""
    context = ssl.create_default_context(cafile=str(service.certificate))
    headers = {"authorization": f"Bearer {service.token}"}
    async with httpx.AsyncClient(verify=context, headers=headers, trust_env=False) as client:
        yield client


@pytest.mark.asyncio
async def test_the_relay_is_answered_with_readings_in_a_better_order(
    service: RunningReranker, question: Question
) -> None:
    settings = RerankerSettings(
        url=service.url,
        pin=service.pin,
        token_file=str(service.token_file),
        budget_ms=round(patience(2000)),
    )
    async with Reranker(settings) as reranker:
        answer = await reranker.ask(question, encode_question(question))
    assert (answer.session, answer.fault) == (question.session, "")
    assert answer.readings[0].text == "turn on the light"
    assert len(answer.readings) == 4
    scores = [reading.score for reading in answer.readings]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.asyncio
async def test_wrong_token_is_refused(
    service: RunningReranker, question: Question, tmp_path: Path
) -> None:
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text("another-token-than-that")
    settings = RerankerSettings(
        url=service.url,
        pin=service.pin,
        token_file=str(tmp_path / "token"),
        budget_ms=round(patience(2000)),
    )
    async with Reranker(settings) as reranker:
        answer = await reranker.ask(question, encode_question(question))
    assert answer.fault == AnswerFault.STATUS


@pytest.mark.asyncio
async def test_invalid_question_is_refused_without_repeating_it(
    service: RunningReranker, client: httpx.AsyncClient, question: Question
) -> None:
    good = encode_question(question)
    blank = good.replace(b"{", b"{ ", 1)
    newer = good.replace(b'"version":1', b'"version":2')
    cases: Sequence[tuple[httpx.Response, int, str]] = [
        (await client.post(service.url, content=blank, headers=JSON), 400, "canonical encoding"),
        (await client.post(service.url, content=newer, headers=JSON), 400, "version: must be 1"),
        (await client.post(service.url, content=b"<html>", headers=JSON), 400, "JSON in ASCII"),
        (await client.post(service.url, content=b"", headers=JSON), 400, "JSON in ASCII"),
        (await client.post(service.url, content=good), 415, "application/json"),
        (
            await client.post(service.url, content=b"light" * MOST_BYTES, headers=JSON),
            413,
            f"more than {MOST_BYTES} bytes",
        ),
        (
            await client.post(service.url, content=good, headers={**JSON, "authorization": ""}),
            401,
            "authorization",
        ),
        (await client.get(service.url), 405, "Not Allowed"),
        (await client.get(service.url.replace("/v1/rerank", "/docs")), 404, "Not Found"),
    ]
    for response, status, told in cases:
        assert response.status_code == status
        content = response.json()
        assert content["version"] == 1
        assert told in content["error"]
        assert "light" not in response.text


@pytest.mark.asyncio
async def test_health_check_needs_no_token_and_reveals_no_word(
    service: RunningReranker, client: httpx.AsyncClient, question: Question
) -> None:
    data = encode_question(question)
    answer = await client.post(service.url, content=data, headers=JSON)
    assert read_body(question, answer.content).readings
    health = service.url.replace("/v1/rerank", "/health")
    told = (await client.get(health, headers={"authorization": ""})).json()
    assert (told["version"], told["status"], told["waiting"]) == (1, "ready", 0)
    assert told["answered"] >= 1
    assert service.log.read_text() == ""


@pytest.mark.asyncio
async def test_answers_do_not_mix_questions(
    service: RunningReranker, client: httpx.AsyncClient, question: Question
) -> None:
    first = (await client.post(service.url, content=encode_question(question), headers=JSON)).json()
    other = replace(question, session=8, words=("a", "lamp", "on", "tern", "the", "turn"))
    await client.post(service.url, content=encode_question(other), headers=JSON)
    again = (await client.post(service.url, content=encode_question(question), headers=JSON)).json()
    assert first == again


def test_startup_error_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("short")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for file in BUNDLE.iterdir():
        (bundle / file.name).write_bytes(file.read_bytes())
    network = bundle / "network.npz"
    network.write_bytes(network.read_bytes()[:-1])
    nowhere = ("--bundle", str(tmp_path))
    for words, told in (
        (("--plain",), f"--token-file: {token}: must hold one line of 16 to 4096 characters"),
        ((), "give both --certificate and --key, or --plain alone"),
        (("--plain", *nowhere), f"--model: {tmp_path}: is neither a bundle nor hf:NAME"),
        (("--plain", "--bundle", str(bundle)), "network.npz: sha256 is"),
    ):
        assert main(["serve", "--token-file", str(token), *words]) == 1
        assert told in capsys.readouterr().err
