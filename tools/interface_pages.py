"""Write a manual page for each D-Bus interface, from its XML and the doc comments in it.

In: etc/dbus-1/interfaces/*.xml, with comments of the form of gtk-doc. Out: NAME.5 in a folder.

    python tools/interface_pages.py FOLDER
"""

from __future__ import annotations

import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

INTERFACES = Path(__file__).parents[1] / "etc" / "dbus-1" / "interfaces"
HEADINGS = {"method": "METHODS", "signal": "SIGNALS", "property": "PROPERTIES"}


class PageError(Exception):
    """An interface lacks a comment, or a comment says what it is about in another form."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What a doc comment says."""

    subject: str  # the name that the comment begins with
    arguments: dict[str, str]  # name -> description
    text: str  # paragraphs with empty lines between them


def parse_comment(comment: str) -> Comment:
    """Return what a doc comment says; raises PageError if it does not begin with `Name:`."""
    subject, _, body = textwrap.dedent(comment).strip().partition("\n")
    if not re.fullmatch(r"[\w.]+:", subject):
        raise PageError(f"doc comment begins with {subject!r}; begin it with the name and a colon")
    lines = textwrap.dedent(body).strip("\n").splitlines()
    arguments: dict[str, str] = {}
    while lines and (argument := re.fullmatch(r"@(\w+): (.*)", lines[0])):
        name, description = argument.groups()
        lines.pop(0)
        while lines and lines[0].startswith(" "):
            description += " " + lines.pop(0).strip()
        arguments[name] = description
    return Comment(subject.rstrip(":"), arguments, "\n".join(lines).strip("\n"))


def page_of(xml: str) -> tuple[str, str]:
    """Return the name of the interface in `xml` and its manual page as roff."""
    root = ElementTree.fromstring(xml)
    comments = re.findall(r"<!--(.*?)-->", xml, flags=re.DOTALL)
    documented = {comment.subject: comment for comment in map(parse_comment, comments)}
    interface = root.find("interface")
    if interface is None:
        raise PageError("there is no <interface> in the file; give it one")
    name = interface.attrib["name"]
    about = _comment_on(name, documented)
    lines = [
        f'.TH {name} 5 "" Auricle "D-Bus interfaces"',
        ".SH NAME",
        rf"{_escape(name)} \- {_escape(about.arguments['short_description'])}",
        ".SH DESCRIPTION",
        *_paragraphs(about.text),
    ]
    for tag, heading in HEADINGS.items():
        lines.append(f".SH {heading}")
        for member in interface.findall(tag):
            lines += _member(member, _comment_on(member.attrib["name"], documented))
    return name, "\n".join(lines) + "\n"


def _comment_on(name: str, documented: dict[str, Comment]) -> Comment:
    if name not in documented:
        raise PageError(f"{name} has no doc comment; write one before it")
    return documented[name]


def _member(member: ElementTree.Element, comment: Comment) -> list[str]:
    """Return the section of a method, signal or property."""
    arguments = member.findall("arg")
    lines = [f".SS {_escape(_declaration(member))}", *_paragraphs(comment.text)]
    for argument in arguments:
        name, kind = argument.attrib["name"], argument.attrib["type"]
        way = " (out)" if argument.get("direction") == "out" else ""
        described = _inline(comment.arguments[name])
        lines += [".TP 7", rf"\fI{_escape(name)}\fR : {_escape(kind)}{way}", described]
    return lines


def _declaration(member: ElementTree.Element) -> str:
    name = member.attrib["name"]
    if member.tag == "property":
        return f"{name} : {member.attrib['type']} ({member.attrib['access']})"
    arguments = member.findall("arg")
    taken = [entry for entry in arguments if entry.get("direction") != "out"]
    given = [entry for entry in arguments if entry.get("direction") == "out"]
    listed = f"{name}({', '.join(entry.attrib['name'] for entry in taken)})"
    results = ", ".join(entry.attrib["name"] for entry in given)
    return f"{listed} -> {results}" if results else listed


def _paragraphs(text: str) -> list[str]:
    """Return paragraphs and lists of dashes as roff."""
    lines = []
    for paragraph in re.split(r"\n\s*\n|\n(?=- )", text):
        joined = " ".join(line.strip() for line in paragraph.splitlines())
        if joined.startswith("- "):
            lines += [r".IP \(bu 2", _inline(joined.removeprefix("- "))]
        elif joined:
            lines += [".PP", _inline(joined)]
    return lines


def _inline(text: str) -> str:
    """Return text with `code` and #references in bold."""
    return re.sub(r"`([^`]+)`|#([\w.]+\w)", r"\\fB\1\2\\fR", _escape(text))


def _escape(text: str) -> str:
    """Return text that roff shows as it is, also at the beginning of a line."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + escaped if escaped.startswith((".", "'")) else escaped


def main(arguments: list[str]) -> int:
    """Write all pages into the folder named; return the exit status."""
    if len(arguments) != 1:
        print("usage: interface_pages.py FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(INTERFACES.glob("*.xml")):
        try:
            name, page = page_of(path.read_text(encoding="utf-8"))
        except (PageError, ElementTree.ParseError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
        (folder / f"{name}.5").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
