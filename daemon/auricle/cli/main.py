"""The command `auricle`: runs a sub-command and returns its exit status.

0: success. 1: failure, with one sentence on standard error. 2: wrong usage. 130: interrupted.

A sub-command is a module with two functions. Only the module of the requested command is imported,
so that a command does not load the libraries of the others:

    def configure(parser: argparse.ArgumentParser) -> None   # add the arguments
    def run(arguments: argparse.Namespace) -> int            # do the work; return the exit status

`run` may raise any `AuricleError`; `main` prints it.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import importlib.metadata
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from auricle.cli.start import INTERRUPTED, raise_interrupts, start
from auricle.errors import AuricleError

FAILED = 1


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command and its summary in the help."""

    name: str
    module: str
    summary: str
    cleans_up: bool = False  # Ctrl-C raises KeyboardInterrupt in it, instead of ending it at once


COMMANDS = (
    Command("run", "auricle.cli.run", "run the daemon in the foreground", cleans_up=True),
    Command("status", "auricle.cli.status", "show the state of the daemon"),
    Command("monitor", "auricle.cli.monitor", "show live events of the daemon", cleans_up=True),
    Command("listen", "auricle.cli.listen", "hear one command and print its text", cleans_up=True),
    Command("mute", "auricle.cli.mute", "mute the microphone"),
    Command("unmute", "auricle.cli.unmute", "unmute the microphone"),
    Command("transcribe", "auricle.cli.transcribe", "recognize speech in recordings"),
    Command("detect", "auricle.cli.detect", "find wake words in recordings"),
    Command("context", "auricle.cli.context", "manage the names that commands may contain"),
    Command("privacy", "auricle.cli.privacy", "show, set or log what may leave the device"),
    Command(
        "relay",
        "auricle.cli.relay",
        "send lattices to the reranker (run by systemd)",
        cleans_up=True,
    ),
    Command(
        "actions",
        "auricle.cli.actions",
        "run programs with each result (run by systemd)",
        cleans_up=True,
    ),
    Command(
        "feedback",
        "auricle.cli.feedback",
        "chime at the wake word (run by systemd)",
        cleans_up=True,
    ),
    Command("config", "auricle.cli.config_check", "check or show the configuration"),
    Command("devices", "auricle.cli.devices", "list the microphones"),
    Command("test-mic", "auricle.cli.test_mic", "measure the microphone"),
    Command("doctor", "auricle.cli.doctor", "find problems and say how to fix them"),
)


class CommandModule(Protocol):
    """The interface of the module of a sub-command."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of the command to its parser."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Run the command; return the exit status."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Print file names that are not UTF-8 with escapes, instead of failing.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            return dispatch(list(sys.argv[1:] if argv is None else argv))
        finally:
            sys.stdout.flush()
    except AuricleError as error:
        sys.stderr.write(f"auricle: {error}\n")
        return FAILED
    except BrokenPipeError:
        silence_output()
        return FAILED
    except OSError as error:
        silence_output()
        sys.stderr.write(f"auricle: {os_error_text(error)}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def dispatch(words: Sequence[str]) -> int:
    """Parse the words and run the command; wrong usage raises `SystemExit(2)`."""
    name = next((word for word in words if not word.startswith("-")), None)
    arguments = build_parser(name).parse_args(words)
    run: Callable[[argparse.Namespace], int] = arguments.run
    if any(command.cleans_up for command in COMMANDS if command.name == name):
        raise_interrupts()
    return run(arguments)


def build_parser(name: str | None) -> argparse.ArgumentParser:
    """Return the parser of all commands; only the command `name` gets its arguments."""
    parser = argparse.ArgumentParser(
        prog="auricle",
        description="A voice assistant daemon that recognizes speech on the device itself.",
        epilog="`auricle COMMAND --help` describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"auricle {version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for each in COMMANDS:
        own = commands.add_parser(each.name, help=each.summary, description=each.summary)
        if each.name == name:
            module = cast("CommandModule", importlib.import_module(each.module))
            module.configure(own)
            own.set_defaults(run=module.run)
    return parser


def version() -> str:
    """Return the version of the installed package; `unknown` if it is not installed."""
    try:
        return importlib.metadata.version("auricle")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def os_error_text(error: OSError) -> str:
    """Return the message for an error of the operating system, with a remedy."""
    refused = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        refused = f"{os.fsdecode(error.filename)}: {refused}"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            remedy = "make room on the disk, or write elsewhere"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            remedy = "choose a place where you have permission"
        case errno.EMFILE | errno.ENFILE:
            remedy = "raise the limit of open files (`ulimit -n`)"
        case _:
            remedy = "fix that and try again; `auricle doctor` looks for other problems"
    return f"{refused}; {remedy}"


def silence_output() -> None:
    """Redirect standard output to /dev/null, so that the interpreter's last flush cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    start()
