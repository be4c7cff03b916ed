"""`auricle listen`: lets the daemon hear one command, without a wake word, and prints its text."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from auricle.cli.bus_option import add_bus_option, call
from auricle.cli.progress import StatusLine
from auricle.client.client import AssistantClient
from auricle.client.final_result import final_result
from auricle.config.loading import load
from auricle.config.locations import find_config
from auricle.errors import AuricleError

LONGEST_TIMEOUT = 60.0  # seconds
DESCRIPTION = """\
Let the daemon hear one command, without a wake word, and print its text. On a terminal, the text so
far is shown while you speak. The exit status is 1 if nothing is said.

With --json, the command prints one object with the keys
  session           the id of the session
  text              the recognized text
  written           the text with capitals, punctuation and digits
  nbest             hypotheses {text, score}, best first; score is a natural log probability
  words             {word, start, end, confidence}
  names             {kind, written, id, start, end} of the known names in the text
  reason            why the command ended: silence, decoder, maximum or audio-ended
  time              when the result was known
Times are in seconds on the audio clock of the daemon.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = DESCRIPTION
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=timeout,
        help="how long to wait for speech, from 1 to 60 (default: from the configuration)",
    )
    parser.add_argument(
        "--style",
        choices=("words", "written"),
        help="words: plain words; written: with capitals, punctuation and digits (default: from "
        "the configuration)",
    )
    add_bus_option(parser)


def timeout(text: str) -> float:
    """Return the argument of `--timeout`."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 1 <= seconds <= LONGEST_TIMEOUT:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time; give a number of seconds from 1 to {LONGEST_TIMEOUT:.0f}"
        )
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Print the result of one command; return 0.

    Raises:
        AuricleError: the configuration has mistakes, nothing was said, or the session has failed.
    """
    style = arguments.style
    if style is None and not arguments.json:
        style = load(find_config()).text.style  # before the session: a mistake would lose its text
    line = StatusLine()

    async def ask(client: AssistantClient) -> dict[str, Any]:
        try:
            return await hear(client, line, arguments.timeout)
        finally:
            line.clear()

    result = call(arguments, ask)
    if arguments.json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"{result['written' if style == 'written' else 'text']}\n")
    return 0


async def hear(client: AssistantClient, line: StatusLine, seconds: float | None) -> dict[str, Any]:
    """Hear one command; return the JSON object of its result.

    Args:
        client: a connected client.
        line: shows the text so far.
        seconds: how long to wait for speech; None: as configured.

    Raises:
        AuricleError: nothing was said, or the session has failed.
    """
    options = {} if seconds is None else {"no_speech_seconds": seconds}
    session = await client.listen(**options)
    line.show("listening")
    async for name, fields in client.events():
        if fields.get("session") != session:
            continue
        match name:
            case "partial" | "speculative":
                line.show(str(fields["text"]))
            case "final":
                return await final_result(client, fields)
            case "cancelled":
                raise AuricleError(why_cancelled(str(fields["reason"])))
            case "error":
                raise AuricleError(str(fields["message"]))
    raise AssertionError("`events` ends only by an error")


def why_cancelled(reason: str) -> str:
    """Return a sentence for a session without a result."""
    match reason:
        case "no-speech":
            return "nothing was said; speak after the start, or check the microphone with test-mic"
        case "muted":
            return "the microphone was muted; unmute it with `auricle unmute`"
        case _:
            return f"the session was cancelled ({reason}); try again"
