"""The recording of the demonstration: each line is hidden until its time."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from figures.terminal_recording import HOLD_SECONDS, RecordingConsole, animate


def test_a_line_appears_when_it_was_printed() -> None:
    screen = RecordingConsole()
    screen.console.print("first")
    screen.note()
    screen.console.print("[bold]second[/]\nthird")
    screen.note()
    svg = screen.picture("Title")
    ElementTree.fromstring(svg)
    assert re.findall(r'class="demo-r\d+"[^>]*>(\w+)<', svg)[-1] == "first"
    assert re.findall(r'class="demo-r\d+ t1"[^>]*>(\w+)<', svg) == ["second", "third"]
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_the_animation_lasts_to_the_last_line_and_some_seconds() -> None:
    element = '<text class="demo-r1" x="0" clip-path="url(#demo-line-1)">late</text>'
    svg = animate(f"<style></style>{element}", [(0.0, 1), (2.0, 1)])
    assert f"t1 {2.0 + HOLD_SECONDS:.2f}s step-end infinite" in svg
    assert f"{100 * 2.0 / (2.0 + HOLD_SECONDS):.2f}% {{ opacity: 1 }}" in svg
    assert 'class="demo-r1 t1"' in svg
