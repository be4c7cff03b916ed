"""`auricle context`: manages the stored names that commands may contain."""

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
Manage the names that commands may contain: contacts, appliances, media. The recognizer favours
them. The daemon stores them on disk until they are changed. Each name belongs to a source, so that
a repeated import replaces only the names of the previous one. Programs that set names on D-Bus have
sources too.
"""
SET = """\
Replace the names of a kind by those in a file. The file is a YAML list; or YAML with the lists
contacts, appliances and media, as for `auricle transcribe --context`; or text with one name per
line. An item of a list is a name, or a mapping {name: Batcave, spoken: [bat cave], weight: 2,
id: light.batcave}.
"""
IMPORT = """\
Replace the names of a source by those in a file or folder:
  NAME.vcf, or a folder of such files contacts        source vcard
  a folder of music with tags         media           source music
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
    own.add_argument("names", metavar="NAME", nargs="+", help="a name or the id of an entry")
    own = _action(actions, "clear", "remove all names of a kind, or of all kinds", clear_names)
    _add_kind(own, nargs="?")
    _action(actions, "count", "show how many names you have stored", count_names, source=False)
    own = _action(actions, "import", "import names from existing files", import_names, IMPORT)
    own.add_argument("path", metavar="FILE|FOLDER", type=Path, help="the file or folder to import")


def run(arguments: argparse.Namespace) -> int:
    """Run the action; return 0."""
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
    """Remove names, given by their written form or id."""
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
    """Print the number of stored names of the calling user, together and by source."""

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
    """Replace the names of a previous import by those in a file or folder."""
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
    """Add an action with the common options; return its parser."""
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
            help="the source to which the names belong (default: "
            f"{'see above' if name == 'import' else DEFAULT_SOURCE})",
        )
    own.add_argument("--json", action="store_true", help="print one JSON object")
    add_bus_option(own)
    return own


def _add_kind(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    parser.add_argument(
        "kind", metavar="|".join(KINDS), choices=KINDS, nargs=nargs, help="the kind"
    )


def _tell(arguments: argparse.Namespace, told: dict[str, object]) -> None:
    """Print the result of a change."""
    if arguments.json:
        sys.stdout.write(json.dumps(told) + "\n")
        return
    source = "" if told["source"] == DEFAULT_SOURCE else f" ({told['source']})"
    numbers = ", ".join(
        _counted(key, told[key])
        for key in ("entries", "removed", "left_out")
        if key in told and (told[key] or key != "left_out")
    )
    sys.stdout.write(f"{told['kind'] or 'all kinds'}{source}: {numbers}\n")


def _counted(key: str, count: object) -> str:
    """Return a count with its noun: 1 entry, 2 entries, 1 left out."""
    noun = "entry" if key == "entries" and count == 1 else key.replace("_", " ")
    return f"{count} {noun}"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "none"
