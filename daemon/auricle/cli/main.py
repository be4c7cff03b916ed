"""The command `auricle`: finds the sub-command and turns its end into an exit status.

0: the work is done. 1: it failed, with one clear sentence on standard error. 2: wrong usage.
130: interrupted.

A sub-command is a module with two functions. Only the module of the command that was asked for is
imported, so that none waits for another's libraries:

    def configure(parser: argparse.ArgumentParser) -> None   # its arguments
    def run(arguments: argparse.Namespace) -> int            # its work; returns the exit status

`run` may raise any `AuricleError`; it is told here.
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

from auricle.errors import AuricleError

FAILED = 1
INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command as the help lists it."""

    name: str
    module: str
    summary: str


COMMANDS = (
    Command("run", "auricle.cli.run", "run the daemon in the foreground"),
    Command("status", "auricle.cli.status", "tell what the daemon does"),
    Command("monitor", "auricle.cli.monitor", "show live what the daemon hears and decides"),
    Command("transcribe", "auricle.cli.transcribe", "recognise recordings"),
    Command("detect", "auricle.cli.detect", "look for wake words in recordings"),
    Command("context", "auricle.cli.context", "tell the daemon which names may be said"),
    Command("privacy", "auricle.cli.privacy", "tell or switch what may leave, and what did"),
    Command("relay", "auricle.cli.relay", "take lattices to the reranker; the system runs it"),
    Command("config", "auricle.cli.config_check", "check the configuration"),
    Command("doctor", "auricle.cli.doctor", "tell what is wrong, and how to mend it"),
)


class CommandModule(Protocol):
    """What the module of a sub-command offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of the command to its parser."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the work; return the exit status."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name that is not UTF-8 is printed escaped rather than not at all.
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
        sys.stderr.write(f"auricle: {told(error)}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def dispatch(words: Sequence[str]) -> int:
    """Parse the words and run the command they name; wrong usage ends in `SystemExit(2)`."""
    name = next((word for word in words if not word.startswith("-")), None)
    arguments = build_parser(name).parse_args(words)
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


def build_parser(name: str | None) -> argparse.ArgumentParser:
    """Return the parser of all commands, with the arguments of the one that is run."""
    parser = argparse.ArgumentParser(
        prog="auricle",
        description="A voice assistant that hears, recognises and understands on the device.",
        epilog="`auricle COMMAND --help` tells more about a command.",
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
    """Return the version of the installed package; `unknown` when it is not installed."""
    try:
        return importlib.metadata.version("auricle")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def told(error: OSError) -> str:
    """Return what the operating system refuses, and a remedy."""
    refused = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        refused = f"{os.fsdecode(error.filename)}: {refused}"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            remedy = "make room on the disk, or write elsewhere"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            remedy = "choose a place that you may use"
        case errno.EMFILE | errno.ENFILE:
            remedy = "let more files be open (`ulimit -n`)"
        case _:
            remedy = "mend that and try again; `auricle doctor` looks for more"
    return f"{refused}; {remedy}"


def silence_output() -> None:
    """Let the interpreter's own last flush go nowhere: the output takes no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
