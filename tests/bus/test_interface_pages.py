"""Manual pages and Markdown pages of the D-Bus interfaces."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from interface_pages import INTERFACES, PageError, main, parse_comment, read_page


def test_page_of_each_interface_lists_all_members(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    assert {page.stem for page in tmp_path.iterdir()} == {
        path.stem for path in INTERFACES.iterdir()
    }
    page = (tmp_path / "org.auricle.Session1.5").read_text(encoding="utf-8")
    for member in (
        "NBest(count) \\-> hypotheses",
        "Final(text, reason, time, reranked)",
        "State : s (read)",
    ):
        assert f"\n.SS {member}\n" in page
    assert "\\fBNoResult\\fR" in page


def test_pages_are_written_by_a_command(tmp_path: Path) -> None:
    tool = INTERFACES.parents[2] / "tools" / "interface_pages.py"
    subprocess.run([sys.executable, tool, tmp_path / "new" / "folder"], check=True)
    pages = {page.stem for page in (tmp_path / "new" / "folder").iterdir()}
    assert pages == {xml.stem for xml in INTERFACES.glob("*.xml")}
    with pytest.raises(SystemExit, match="2"):
        main([])


def test_the_pages_of_the_documentation_are_up_to_date(tmp_path: Path) -> None:
    assert main(["--markdown", str(tmp_path)]) == 0
    kept = INTERFACES.parents[2] / "docs" / "api"
    assert {page.name for page in tmp_path.iterdir()} == {page.name for page in kept.iterdir()}
    for page in tmp_path.iterdir():
        text = (kept / page.name).read_text(encoding="utf-8")
        assert text == page.read_text(encoding="utf-8"), "run `make docs`, and commit docs/api"


def test_markdown_has_links_and_plain_asterisks(tmp_path: Path) -> None:
    main(["--markdown", str(tmp_path)])
    session = (tmp_path / "org.auricle.Session1.md").read_text(encoding="utf-8")
    assert "### NBest\n\n`NBest(count) -> hypotheses`\n" in session
    assert "`Partial`\\*, (`Speculative`" in session
    assistant = (tmp_path / "org.auricle.Assistant1.md").read_text(encoding="utf-8")
    assert "[org.auricle.Session1](org.auricle.Session1.md)" in assistant


def test_doc_comment_is_parsed_with_its_arguments() -> None:
    comment = parse_comment(
        "\n  Listen:\n  @a: One\n      and more.\n  @b: Two.\n\n  Text.\n\n  More.\n"
    )
    assert comment.subject == "Listen"
    assert comment.arguments == {"a": "One and more.", "b": "Two."}
    assert comment.text == "Text.\n\nMore."


def test_member_without_a_comment_is_an_error() -> None:
    with pytest.raises(PageError, match="org.x.Y has no doc comment"):
        read_page('<node><interface name="org.x.Y"/></node>')
    with pytest.raises(PageError, match="begin it with the name"):
        parse_comment(" no name here\n")
