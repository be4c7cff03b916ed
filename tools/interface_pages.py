"""Write a reference page for each D-Bus interface, from its XML and the doc comments in it.

In: etc/dbus-1/interfaces/*.xml, with comments in gtk-doc format. Out: manual pages NAME.5, or
with --markdown the pages NAME.md of docs/api.

    python tools/interface_pages.py [--markdown] FOLDER
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

INTERFACES = Path(__file__).parents[1] / "etc" / "dbus-1" / "interfaces"
HEADINGS = {"method": "Methods", "signal": "Signals", "property": "Properties"}


class PageError(Exception):
    """An interface lacks a comment, or a comment has the wrong form."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A parsed doc comment."""

    subject: str  # name at the beginning of the comment
    arguments: dict[str, str]  # name -> description
    text: str  # paragraphs with empty lines between them


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a method or signal."""

    name: str
    type: str  # D-Bus signature
    out: bool  # whether the daemon returns it
    text: str


@dataclass(frozen=True, slots=True)
class Member:
    """A method, signal or property with its documentation."""

    name: str
    declaration: str
    arguments: tuple[Argument, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """The content of a reference page."""

    name: str
    summary: str
    text: str
    sections: dict[str, tuple[Member, ...]]  # heading -> members, in the order of the XML


def parse_comment(comment: str) -> Comment:
    """Return a parsed doc comment; raises PageError if it does not begin with `Name:`."""
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


def read_page(xml: str) -> Page:
    """Return the documentation of an interface from its XML; raises PageError if incomplete."""
    root = ElementTree.fromstring(xml)
    comments = re.findall(r"<!--(.*?)-->", xml, flags=re.DOTALL)
    documented = {comment.subject: comment for comment in map(parse_comment, comments)}
    interface = root.find("interface")
    if interface is None:
        raise PageError("the file has no <interface>; add one")
    name = interface.attrib["name"]
    about = _comment_on(name, documented)
    sections = {
        heading: tuple(
            _member(element, _comment_on(element.attrib["name"], documented))
            for element in interface.findall(tag)
        )
        for tag, heading in HEADINGS.items()
    }
    return Page(name, about.arguments["short_description"], about.text, sections)


def _comment_on(name: str, documented: dict[str, Comment]) -> Comment:
    if name not in documented:
        raise PageError(f"{name} has no doc comment; write one before it")
    return documented[name]


def _member(element: ElementTree.Element, comment: Comment) -> Member:
    arguments = tuple(
        Argument(
            entry.attrib["name"],
            entry.attrib["type"],
            entry.get("direction") == "out",
            comment.arguments[entry.attrib["name"]],
        )
        for entry in element.findall("arg")
    )
    return Member(element.attrib["name"], _declaration(element, arguments), arguments, comment.text)


def _declaration(element: ElementTree.Element, arguments: Sequence[Argument]) -> str:
    name = element.attrib["name"]
    if element.tag == "property":
        return f"{name} : {element.attrib['type']} ({element.attrib['access']})"
    parameters = ", ".join(argument.name for argument in arguments if not argument.out)
    results = ", ".join(argument.name for argument in arguments if argument.out)
    return f"{name}({parameters}) -> {results}" if results else f"{name}({parameters})"


def to_roff(page: Page) -> str:
    """Return a page as roff, for man(1)."""
    lines = [
        f'.TH {page.name} 5 "" Auricle "D-Bus interfaces"',
        ".SH NAME",
        rf"{_escape(page.name)} \- {_escape(page.summary)}",
        ".SH DESCRIPTION",
        *_paragraphs(page.text),
    ]
    for heading, members in page.sections.items():
        lines.append(f".SH {heading.upper()}")
        for member in members:
            lines += [f".SS {_escape(member.declaration)}", *_paragraphs(member.text)]
            for argument in member.arguments:
                way = " (out)" if argument.out else ""
                tag = rf"\fI{_escape(argument.name)}\fR : {_escape(argument.type)}{way}"
                lines += [".TP 7", tag, _inline(argument.text)]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> list[str]:
    """Return paragraphs and dashed lists as roff."""
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
    """Return text escaped for roff, also at the beginning of a line."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + escaped if escaped.startswith((".", "'")) else escaped


def to_markdown(page: Page) -> str:
    """Return a page as Markdown, for docs/api."""
    lines = [f"# {page.name}", "", f"{page.summary}.", "", _linked(page.text), ""]
    for heading, members in page.sections.items():
        if members:
            lines += [f"## {heading}", ""]
        for member in members:
            lines += [f"### {member.name}", "", f"`{member.declaration}`", ""]
            if member.text:
                lines += [_linked(member.text), ""]
            for argument in member.arguments:
                way = ", returned" if argument.out else ""
                lines.append(
                    f"- `{argument.name}` (`{argument.type}`{way}): {_linked(argument.text)}"
                )
            if member.arguments:
                lines.append("")
    return "\n".join(lines)


def _linked(text: str) -> str:
    """Return text with references such as `#org.auricle.Session1` as links, asterisks escaped."""
    parts = re.split(r"(`[^`]*`)", text)  # every second part is code
    parts[::2] = [part.replace("*", r"\*") for part in parts[::2]]
    return re.sub(r"#(org\.auricle\.\w+)", r"[\1](\1.md)", "".join(parts))


def main(arguments: Sequence[str]) -> int:
    """Write all pages into the given folder; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--markdown", action="store_true", help="write NAME.md instead of NAME.5")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    options = parser.parse_args(arguments)
    suffix, write = ("md", to_markdown) if options.markdown else ("5", to_roff)
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(INTERFACES.glob("*.xml")):
        try:
            page = read_page(path.read_text(encoding="utf-8"))
        except (PageError, ElementTree.ParseError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
        (options.folder / f"{page.name}.{suffix}").write_text(write(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
