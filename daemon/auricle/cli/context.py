"""`auricle context`: the names that a person may say, kept in the daemon."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from auricle.bus.context1 import DEFAULT_SOURCE
from auricle.cli.bus_option import add_bus_option, call
from auricle.client.client import AssistantClient
from auricle.context.entries import KINDS, Entry
from auricle.context.file import read_names
from auricle.context.imports.detect import read_import
from auricle.context.validation import clean_name

DESCRIPTION = """\
Tell the daemon which names may be said: contacts, appliances, media. What it is told here it keeps,
also over a restart, until it is told otherwise. Names are kept by source, so that an import can be
done again without a trace of the old one; programs that give names on D-Bus have sources too.
"""
SET = """\
Replace the names of a kind by those in a file: a YAML list; YAML with the lists contacts,
appliances and media, as `auricle transcribe --context` takes it; or text with one name a line.
An item of a list is a name, or a mapping {name: Batcave, spoken: [bat cave], weight: 2,
id: light.batcave}.
"""
IMPORT = """\
Replace what was imported before from the same source by the names in a file or folder:
  NAME.vcf, or a folder of them       contacts        source vcard
  a folder of music, by its tags      media           source music
  Home Assistant's folder, or its     appliances      source home-assistant
  .storage/core.entity_registry
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = DESCRIPTION
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    own = _action(actions, "set", "replace the names of a kind", set_names, SET)
    _add_kind(own)
    own.add_argument("file", metavar="FILE", type=Path, help="the names")
    own = _action(actions, "add", "add names to a kind", add_names)
    _add_kind(own)
    own.add_argument("names", metavar="NAME", nargs="+", help="a name")
    own = _action(actions, "remove", "remove names", remove_names)
    _add_kind(own)
    own.add_argument("names", metavar="NAME", nargs="+", help="a name, or the id of an entry")
    own = _action(actions, "clear", "remove all names of a kind, or of all kinds", clear_names)
    _add_kind(own, nargs="?")
    _action(actions, "count", "tell how many names there are", count_names, source=False)
    own = _action(actions, "import", "import names that are there already", import_names, IMPORT)
    own.add_argument("path", metavar="FILE|FOLDER", type=Path, help="what is imported")


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says; return 0."""
    action: Callable[[argparse.Namespace], None] = arguments.action
    action(arguments)
    return 0


def set_names(arguments: argparse.Namespace) -> None:
    """Replace the names of a kind by those in a file."""
    entries = read_names(arguments.file, arguments.kind)
    source = arguments.source or DEFAULT_SOURCE
    count = call(
        arguments, lambda client: client.set_context(arguments.kind, entries, source=source)
    )
    _tell(arguments, {"kind": arguments.kind, "source": source, "entries": count})


def add_names(arguments: argparse.Namespace) -> None:
    """Add names to those of a kind."""
    kind, source = arguments.kind, arguments.source or DEFAULT_SOURCE
    entries = [Entry(kind, clean_name(name, "NAME")) for name in arguments.names]
    count = call(arguments, lambda client: client.add_context(kind, entries, source=source))
    _tell(arguments, {"kind": kind, "source": source, "entries": count})


def remove_names(arguments: argparse.Namespace) -> None:
    """Remove names, told by their writing or id."""
    kind, source = arguments.kind, arguments.source or DEFAULT_SOURCE
    names = [clean_name(name, "NAME") for name in arguments.names]
    removed = call(arguments, lambda client: client.remove_context(kind, names, source=source))
    _tell(arguments, {"kind": kind, "source": source, "removed": removed})


def clear_names(arguments: argparse.Namespace) -> None:
    """Remove all names of a kind, or of all kinds."""
    source = arguments.source or DEFAULT_SOURCE
    call(arguments, lambda client: client.clear_context(arguments.kind or "", source=source))
    _tell(arguments, {"kind": arguments.kind, "source": source, "entries": 0})


def count_names(arguments: argparse.Namespace) -> None:
    """Tell how many names there are, and how many of them are kept, by source."""

    async def ask(client: AssistantClient) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        return await client.context_counts(), await client.context_sources()

    counts, sources = call(arguments, ask)
    if arguments.json:
        sys.stdout.write(json.dumps({"entries": counts, "sources": sources}) + "\n")
        return
    sys.stdout.write(f"{'all':24} {_listed(counts)}\n")
    for source, kept in sources.items():
        sys.stdout.write(f"{source:24} {_listed(kept)}\n")


def import_names(arguments: argparse.Namespace) -> None:
    """Replace what was imported before by the names in a file or folder."""
    imported = read_import(arguments.path)
    kind, source = imported.kind, arguments.source or imported.source
    count = call(
        arguments, lambda client: client.set_context(kind, imported.entries, source=source)
    )
    told = {"kind": kind, "source": source, "entries": count, "left_out": imported.left_out}
    _tell(arguments, told)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    work: Callable[[argparse.Namespace], None],
    description: str = "",
    *,
    source: bool = True,
) -> argparse.ArgumentParser:
    """Add an action with the options that all have; return its parser."""
    own = actions.add_parser(
        name,
        help=summary,
        description=description or summary[0].upper() + summary[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own.set_defaults(action=work)
    if source:
        own.add_argument(
            "--source",
            metavar="NAME",
            help="under what name they are kept (default: "
            f"{'see above' if name == 'import' else DEFAULT_SOURCE})",
        )
    own.add_argument("--json", action="store_true", help="print one JSON object")
    add_bus_option(own)
    return own


def _add_kind(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    parser.add_argument("kind", metavar="|".join(KINDS), choices=KINDS, nargs=nargs, help="a kind")


def _tell(arguments: argparse.Namespace, told: dict[str, object]) -> None:
    """Print what has become of the names."""
    if arguments.json:
        sys.stdout.write(json.dumps(told) + "\n")
        return
    source = "" if told["source"] == DEFAULT_SOURCE else f" ({told['source']})"
    numbers = ", ".join(
        f"{told[key]} {key.replace('_', ' ')}"
        for key in ("entries", "removed", "left_out")
        if key in told and (told[key] or key != "left_out")
    )
    sys.stdout.write(f"{told['kind'] or 'all kinds'}{source}: {numbers}\n")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "none"
