"""Load test of the reranker: answers per second, latency, and rejected questions.

In: a bundle; the lattices are generated. Out: a table row for each number of clients. The real
service runs in its own process, with TLS on the loopback interface. For a few seconds, each client
sends a question as soon as the previous one is answered. In the last row the queue is short, so
many questions get 429; no other errors may occur.

`python -m benchmarks.reranker_load` with `PYTHONPATH=tools:daemon`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import ssl
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from auricle.relay.answers import read_body
from auricle.wire.schema import Question, WireArc, encode_question
from testbed.running_reranker import BUNDLE, RunningReranker

MOST_SECONDS = 60.0
MOST_ASKERS = 500
QUESTIONS = 64  # different ones
FEW = 4  # queue length in the last row
SLOTS = (
    ("turn", "tern", "torn"), ("on", "in"), ("the", "a", "her"), ("kitchen", "chicken"),
    ("light", "lights", "lied", "like"), ("please", "police"),
)  # fmt: skip


@dataclass
class Tally:
    """Results of all clients."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # latency of each answer

    def told(self, askers: int, length: float) -> str:
        """Return a table row."""
        answered, busy = self.statuses["200"], self.statuses["429"]
        failed = self.statuses.total() - answered - busy
        middle, high = np.percentile(self.seconds or [float("nan")], [50, 95]) * 1000
        return (
            f"| {askers} | {answered / length:.0f} | {middle:.0f} ms | {high:.0f} ms | {busy} | "
            f"{failed} |"
        )


def make_questions(count: int) -> list[Question]:
    """Return lattices of typical size: up to four words in each of six places."""
    draw = random.Random(0)
    questions = []
    for session in range(1, count + 1):
        slots = [draw.sample(slot, draw.randint(1, len(slot))) for slot in SLOTS]
        words = tuple(sorted({word for slot in slots for word in slot}))
        arcs = sorted(
            WireArc(place, place + 1, words.index(word), -draw.randint(1, 60), 3 * place, 3, 0)
            for place, slot in enumerate(slots)
            for word in slot
        )
        questions.append(Question(session, "en", words, tuple(arcs)))
    return questions


async def ask(
    client: httpx.AsyncClient, url: str, questions: Sequence[Question], until: float, tally: Tally
) -> None:
    """Send questions one after another."""
    draw = random.Random(id(client) ^ len(tally.seconds))
    while (began := time.monotonic()) < until:
        question = draw.choice(questions)
        try:
            response = await client.post(url, content=encode_question(question))
        except httpx.HTTPError as error:
            tally.statuses[type(error).__name__] += 1
            continue
        status = str(response.status_code)
        if status == "200" and not read_body(question, response.content).readings:
            status = "wrong"
        tally.statuses[status] += 1
        if status == "200":
            tally.seconds.append(time.monotonic() - began)
        else:
            await asyncio.sleep(draw.uniform(0, 0.02))  # as the relay does


async def measure(service: RunningReranker, askers: int, seconds: float) -> str:
    """Return the table row for a number of clients."""
    tally, questions = Tally(), make_questions(QUESTIONS)
    headers = {"authorization": f"Bearer {service.token}", "content-type": "application/json"}
    async with httpx.AsyncClient(
        verify=ssl.create_default_context(cafile=str(service.certificate)),
        headers=headers,
        limits=httpx.Limits(max_connections=askers, max_keepalive_connections=askers),
        timeout=30.0,
        trust_env=False,
    ) as client:
        # Connect first, so that handshakes are not measured.
        health = service.url.replace("/v1/rerank", "/health")
        await asyncio.gather(*(client.get(health) for _ in range(askers)))
        began = time.monotonic()
        until = began + seconds
        await asyncio.gather(
            *(ask(client, service.url, questions, until, tally) for _ in range(askers))
        )
        length = time.monotonic() - began
        if (await client.get(health)).json()["status"] != "ready":
            tally.statuses["not ready"] += 1
    print(f"statuses: {dict(tally.statuses)}")
    return tally.told(askers, length)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--askers", type=int, nargs="+", default=[1, 4, 16, 64, 200])
    parser.add_argument("--seconds", type=float, default=5.0, help="per number of clients")
    arguments = parser.parse_args()
    if max(arguments.askers) > MOST_ASKERS or not 0 < arguments.seconds <= MOST_SECONDS:
        parser.error(f"--askers: at most {MOST_ASKERS}; --seconds: at most {MOST_SECONDS:g}")
    sizes = [len(encode_question(question)) for question in make_questions(QUESTIONS)]
    print(f"questions of {np.median(sizes):.0f} bytes, at most {max(sizes)}")
    rows = []
    bundle = ("--bundle", str(arguments.bundle))
    most = max(arguments.askers)
    few = ("--waiting", str(FEW), "--at-once", str(FEW))
    for words, counts in ((bundle, arguments.askers), ((*bundle, *few), [most])):
        with (
            tempfile.TemporaryDirectory() as folder,
            RunningReranker(Path(folder), words) as service,
        ):
            for askers in counts:
                rows.append(asyncio.run(measure(service, askers, arguments.seconds)))
    rows[-1] = rows[-1].replace(f"| {most} ", f"| {most}, queue of {FEW} ", 1)
    print("| clients | answers per second | median | 95th percentile | 429 | failed |")
    print("| --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
