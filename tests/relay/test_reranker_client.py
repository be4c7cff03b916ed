"""Whatever the server does, the client returns an answer or a fault within its budget."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.config.schema import RerankerSettings
from auricle.errors import RelayError
from auricle.relay.answers import AnswerFault, read_body
from auricle.relay.reranker_client import Reranker, read_token
from auricle.wire.schema import MOST_ANSWER_BYTES, Answer, Question, WireArc, encode_question
from testbed.fake_reranker import FakeReranker, Reply, in_order
from testbed.patience import patience

BUDGET_MS = round(patience(2000))


def settings_of(server: FakeReranker, budget_ms: int = BUDGET_MS) -> RerankerSettings:
    return RerankerSettings(url=server.url, pin=server.pin, budget_ms=budget_ms)


async def ask(settings: RerankerSettings, question: Question) -> Answer:
    async with Reranker(settings) as reranker:
        return await reranker.ask(question, encode_question(question))


@pytest.mark.asyncio
async def test_readings_come_in_the_order_of_the_reranker(
    server: FakeReranker, question: Question, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("s3cret\n")
    settings = RerankerSettings(url=server.url, pin=server.pin, token_file=str(token))
    answer = await ask(settings, question)
    assert [reading.text for reading in answer.readings] == ["cool contact-a", "call contact-a"]
    assert answer.fault == ""
    assert server.questions == [encode_question(question)]  # unchanged, sent once
    assert server.tokens == ["bearer s3cret"]


@pytest.mark.asyncio
async def test_questions_share_one_http_2_connection(question: Question, tmp_path: Path) -> None:
    def answer(content: dict[str, object]) -> Reply:
        return in_order(content, "call contact-a")

    protocols = ("h2", "http/1.1")
    with FakeReranker(tmp_path, answer, protocols=protocols) as server:
        async with Reranker(settings_of(server)) as reranker:
            for _ in range(3):
                found = await reranker.ask(question, encode_question(question))
                assert [reading.text for reading in found.readings] == ["call contact-a"]
    assert server.versions == ["2", "2", "2"]


def lying(question: dict[str, object]) -> Reply:
    return in_order(question, "buy bitcoin", "call contact-a", "call")


def as_json(**content: object) -> Reply:
    return Reply(json.dumps(content).encode())


ONE = [["call contact-a", -1]]
BAD = {
    "a captive portal": (Reply(b"<html>log in</html>", kind="text/html"), AnswerFault.FORM),
    "html in disguise": (Reply(b"<html>log in</html>"), AnswerFault.FORM),
    "a redirection": (
        Reply(b"", status="302 Found", header="location: https://elsewhere.example/"),
        AnswerFault.STATUS,
    ),
    "an unknown token": (Reply(b"{}", status="401 Unauthorized"), AnswerFault.STATUS),
    "a huge answer": (Reply(b" " * (MOST_ANSWER_BYTES + 1)), AnswerFault.LARGE),
    "a packed one": (Reply(b"\x1f\x8b", header="content-encoding: gzip"), AnswerFault.FORM),
    "another version": (as_json(version=2, session=7, readings=ONE), AnswerFault.VERSION),
    "another question": (as_json(version=1, session=8, readings=ONE), AnswerFault.SESSION),
    "no list": (as_json(version=1, session=7, readings="call"), AnswerFault.FORM),
    "no pairs": (as_json(version=1, session=7, readings=[["call"]]), AnswerFault.FORM),
    "text for a score": (as_json(version=1, session=7, readings=[["call", "x"]]), AnswerFault.FORM),
    "a huge score": (as_json(version=1, session=7, readings=[["a", 10**400]]), AnswerFault.FORM),
    "nested too deep": (Reply(b"[" * 16000), AnswerFault.FORM),
    "nothing": (Reply(b""), AnswerFault.FORM),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", BAD)
async def test_bad_answer_is_a_fault(server: FakeReranker, question: Question, name: str) -> None:
    reply, fault = BAD[name]
    server.answer = lambda _: reply
    assert await ask(settings_of(server), question) == Answer(7, (), fault)


@pytest.mark.asyncio
async def test_readings_that_nobody_said_are_dropped(
    server: FakeReranker, question: Question
) -> None:
    server.answer = lying
    answer = await ask(settings_of(server), question)
    assert [reading.text for reading in answer.readings] == ["call contact-a"]
    assert answer.fault == AnswerFault.FOREIGN


BLANKS = ["cool contact-a ", " cool contact-a", "cool  contact-a", "cool\tcontact-a",
          "cool\u2003contact-a", "\u00a0cool\r\ncontact-a\u3000"]  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("text", BLANKS)
async def test_blanks_only_separate_words(
    server: FakeReranker, question: Question, text: str
) -> None:
    server.answer = lambda content: in_order(content, text, "cool contact-a", "call contact-a")
    answer = await ask(settings_of(server), question)
    assert [reading.text for reading in answer.readings] == ["cool contact-a", "call contact-a"]
    assert (answer.readings[0].score, answer.fault) == (0.0, "")  # of equal texts the first


ODD = {
    "an empty text": "",
    "blanks alone": " \t\u2003",
    "an invisible character": "cool\u200bcontact-a",
    "a byte-order mark": "\ufeffcool contact-a",
    "other letters": "c\u043e\u043el contact-a",
    "capitals": "Cool contact-a",
    "an escape sequence": "cool contact-a\x1b[2J",
    "more words than a lattice has": "cool " * 2000,
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ODD)
async def test_an_odd_hypothesis_is_dropped_and_the_others_are_kept(
    server: FakeReranker, question: Question, name: str
) -> None:
    server.answer = lambda content: in_order(content, ODD[name], "call contact-a")
    answer = await ask(settings_of(server), question)
    assert [reading.text for reading in answer.readings] == ["call contact-a"]
    assert answer.fault == AnswerFault.FOREIGN


def test_an_answer_too_long_for_the_wire_is_a_fault() -> None:
    words = tuple(sorted(f"{a}{b}{'lo' * 9}" for a in "bcdf" for b in "aeiou"))
    arcs = tuple(
        WireArc(state, state + 1, word, -5, 0, 1, 0) for state in range(2) for word in range(20)
    )
    question = Question(7, "en", words, arcs)
    text = f"{words[0]} {words[1]}"
    assert read_body(question, body_of(7, [[text, -1]])).readings[0].text == text
    readings = [[f"{first} {second}", -1.0] for first in words for second in words]
    found = read_body(question, body_of(7, readings[:300]))
    assert (len(found.readings), found.fault) == (16, "")
    straight = tuple(WireArc(state, state + 1, state % 20, -5, 0, 1, 0) for state in range(96))
    longest = " ".join(words[state % 20] for state in range(96))
    answer = read_body(Question(7, "en", words, straight), body_of(7, [[longest, -1]]))
    assert answer.readings == ()  # 2015 characters
    assert answer.fault == AnswerFault.FOREIGN


def body_of(session: int, readings: object) -> bytes:
    return json.dumps({"version": 1, "session": session, "readings": readings}).encode()


HOSTILE = {
    "a status that is no number": Reply(b"{}", status="OK"),
    "an unknown status": Reply(b"{}", status="999 \xff"),
    "endless information": Reply(b"{}", status="100 Continue"),
    "two lengths": Reply(b"{}", header="content-length: 5"),
    "a negative length": Reply(b"{}", header="content-length: -5"),
    "an unknown encoding": Reply(b"{}", header="transfer-encoding: bogus"),
    "a huge header": Reply(b"{}", header="x: " + "y" * 200_000),
    "a header without a name": Reply(b"{}", header=": y"),
    "a NUL in a header": Reply(b"{}", header="x: a\0b"),
    "an impossible cookie": Reply(b"{}", header="set-cookie: a=b; expires=1e400; port=x; =;;,"),
    "an odd content type": Reply(b"{}", kind="application/json; charset=\x80"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_broken_response_is_a_fault(
    server: FakeReranker, question: Question, name: str
) -> None:
    server.answer = lambda _: HOSTILE[name]
    answer = await ask(settings_of(server, budget_ms=500), question)
    assert (answer.readings, bool(answer.fault)) == ((), True)


PLAIN = {"accept", "accept-encoding", "content-type", "content-length"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("protocols", "own"),
    [
        (("http/1.1",), {"host"}),
        (("h2",), {":method", ":scheme", ":authority", ":path"}),
    ],
)
async def test_nothing_in_a_request_links_it_to_another_or_identifies_the_program(
    question: Question, tmp_path: Path, protocols: tuple[str, ...], own: set[str]
) -> None:
    def answer(content: dict[str, object]) -> Reply:
        reply = in_order(content, "call contact-a")
        return replace(reply, header="Set-Cookie: id=7; Max-Age=99999; Path=/; Secure")

    other = replace(question, session=8)
    with FakeReranker(tmp_path, answer, protocols=protocols) as server:
        async with Reranker(settings_of(server)) as reranker:
            for asked in (question, other, question):
                found = await reranker.ask(asked, encode_question(asked))
                assert found.fault == ""
    first, second, third = server.headers
    assert set(first) == PLAIN | own
    assert first == third
    assert {name for name in first if first[name] != second[name]} == set()
    assert first["accept-encoding"] == "identity"
    assert "python" not in str(first).lower()
    assert "httpx" not in str(first).lower()


@pytest.mark.asyncio
async def test_slow_reranker_is_abandoned_after_the_budget(
    server: FakeReranker, question: Question
) -> None:
    server.answer = lambda _: Reply(b"{}", seconds=30.0)
    began = time.monotonic()
    answer = await ask(settings_of(server, budget_ms=300), question)
    assert answer.fault == AnswerFault.LATE
    assert time.monotonic() - began < min(patience(1.5), 25.0)


@pytest.mark.asyncio
async def test_a_busy_reranker_is_asked_again(server: FakeReranker, question: Question) -> None:
    replies = [Reply(b"", status="429 Too Many Requests")] * 2

    def answer(content: dict[str, object]) -> Reply:
        return replies.pop() if replies else in_order(content, "call contact-a")

    server.answer = answer
    assert (await ask(settings_of(server), question)).fault == ""
    assert len(server.questions) == 3
    server.answer = lambda _: Reply(b"", status="503 Service Unavailable")
    assert (await ask(settings_of(server), question)).fault == AnswerFault.BUSY
    assert len(server.questions) == 6


@pytest.mark.asyncio
async def test_nothing_is_sent_to_a_server_with_a_wrong_certificate(
    server: FakeReranker, question: Question
) -> None:
    for pin in (None, f"sha256:{'0' * 64}"):
        settings = RerankerSettings(url=server.url, pin=pin, budget_ms=BUDGET_MS)
        assert (await ask(settings, question)).fault == AnswerFault.CERTIFICATE
    assert server.questions == []


@pytest.mark.asyncio
async def test_system_certificate_authorities_are_trusted(
    server: FakeReranker, question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    settings = RerankerSettings(url=server.url, budget_ms=BUDGET_MS)
    assert (await ask(settings, question)).fault == ""
    other = RerankerSettings(
        url=server.url.replace("127.0.0.1", "localhost"), budget_ms=BUDGET_MS
    )  # not a name of its certificate
    assert (await ask(other, question)).fault == AnswerFault.CERTIFICATE


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["nowhere.invalid", "127.0.0.1:9"])
async def test_missing_host_is_reported(question: Question, host: str) -> None:
    settings = RerankerSettings(url=f"https://{host}/", budget_ms=BUDGET_MS)
    answer = await ask(settings, question)
    assert answer.fault in (AnswerFault.UNREACHABLE, AnswerFault.LATE)


def test_the_token_of_systemd_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    settings = RerankerSettings(url="https://a.example/", token_file=str(file))
    with pytest.raises(RelayError, match=r"token_file: .*file: cannot be read as a token"):
        read_token(settings)
    file.touch(mode=0o600)
    file.write_text("of the file")
    with pytest.raises(RelayError, match="holds no token; write one line"):
        read_token(settings)
    file.write_text("file\n")
    assert read_token(settings) == "file"
    (tmp_path / "reranker-token").write_text("systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_token(settings) == "systemd"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_token_that_other_users_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    file.chmod(mode)
    settings = RerankerSettings(url="https://a.example/", token_file=str(file))
    remedy = rf"token_file: {file}: has the mode {mode:04o}, .* run `chmod 600 {file}`"
    with pytest.raises(RelayError, match=remedy):
        read_token(settings)


def test_a_token_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("s3cret\n")
    owner = 54321
    if os.geteuid() == 0:
        os.chown(file, owner, -1)
    else:
        owner = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    settings = RerankerSettings(url="https://a.example/", token_file=str(file))
    with pytest.raises(RelayError, match=f"belongs to user {owner}, who can read it; "):
        read_token(settings)


def test_the_mode_of_a_systemd_credential_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # systemd grants access with an access-control list, so that the mode shows the group's bits.
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    file.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = RerankerSettings(url="https://a.example/", token_file=str(file))
    assert read_token(settings) == "s3cret"
