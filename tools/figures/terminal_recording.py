"""Records `make run` as an animated SVG picture: the terminal that the README shows.

    python -m figures.terminal_recording

In: a recorded command of models/demo, which a virtual microphone plays to the daemon, as in
`tools/demo.py`. Out: `docs/images/demo.svg`. Each line appears when the client got the event; after
the last one the picture stays for some seconds and starts again. It loads nothing from the
network, so a browser shows it in its own monospace font.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import re
import sys
import time
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.terminal_theme import MONOKAI

from auricle.errors import AuricleError
from demo import FAILED, find_recordings, reason_of, show, summary
from testbed.errors import StageError
from testbed.performance import Fields, Script, perform, read_scripts
from testbed.private_bus import PrivateBus
from testbed.running_daemon import RunningDaemon
from testbed.virtual_microphone import VirtualMicrophone

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "demo.svg"
RECORDING = "command_with_pause.flac"
COLUMNS = 88
HOLD_SECONDS = 6.0  # for which the whole picture stays
TEXT = re.compile(
    r'<text class="(?P<style>demo-r\d+)"'
    r'(?P<rest>[^>]*clip-path="url\(#demo-line-(?P<line>\d+)\)")'
)
LINE_BREAK = re.compile(r"<text [^>]*>\s*</text>")
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; white-space: pre }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class RecordingConsole:
    """A console that knows when each of its lines was printed."""

    def __init__(self) -> None:
        """Begin with an empty screen; the clock starts with the first line."""
        self._output = io.StringIO()
        self.console = Console(
            record=True, file=self._output, force_terminal=True, width=COLUMNS, highlight=False
        )
        self._printed: list[tuple[float, int]] = []  # time, lines printed then

    def note(self) -> None:
        """Remember that all new lines were printed now."""
        done = sum(count for _, count in self._printed)
        if new := self._output.getvalue().count("\n") - done:
            self._printed.append((time.monotonic(), new))

    def picture(self, title: str) -> str:
        """Return the animated SVG."""
        began = self._printed[0][0]
        svg = self.console.export_svg(title=title, theme=MONOKAI, code_format=SVG, unique_id="demo")
        return animate(svg, [(moment - began, count) for moment, count in self._printed])


def animate(svg: str, printed: list[tuple[float, int]]) -> str:
    """Return the picture with each line hidden until its time, and without empty elements.

    Args:
        svg: what rich has exported with the id `demo`.
        printed: seconds from the start, and the number of lines printed then.
    """
    length = printed[-1][0] + HOLD_SECONDS
    ends = list(accumulate(count for _, count in printed))
    rules = []
    for number, (seconds, _) in enumerate(printed[1:], 1):
        start = f"{100 * seconds / length:.2f}%"
        rules.append(f"@keyframes t{number} {{ 0% {{ opacity: 0 }} {start} {{ opacity: 1 }} }}")
        rules.append(f".t{number} {{ animation: t{number} {length:.2f}s step-end infinite }}")

    def with_class(text: re.Match[str]) -> str:
        line = int(text["line"])
        number = next(index for index, end in enumerate(ends) if line < end)
        return f'<text class="{text["style"]} t{number}"{text["rest"]}' if number else text[0]

    still = "@media (prefers-reduced-motion: reduce) { text { animation: none !important } }"
    styles = "\n".join([*rules, still, "</style>"])
    svg = LINE_BREAK.sub("", svg)
    return TEXT.sub(with_class, svg).replace("</style>", styles, 1)


def record(script: Script, screen: RecordingConsole) -> str:
    """Play a recording to the daemon; return why there is no final result, or nothing."""

    def show_now(name: str, seconds: float, fields: Fields) -> None:
        show(screen.console, name, seconds, fields)
        screen.note()

    with ExitStack() as testbed:
        bus = testbed.enter_context(PrivateBus()).address
        microphone = testbed.enter_context(VirtualMicrophone())
        testbed.enter_context(RunningDaemon(bus, environment=microphone.environment))
        screen.console.print(
            f"[bold]$ make run[/]\n[bold]{script.path.name}[/]: {escape(script.what)}\n"
            "[dim]seconds in the recording, event, what a D-Bus client is told[/]"
        )
        screen.note()
        shown = asyncio.run(perform(script, bus, microphone.start_speaking, show_now))
    if shown.end != "final":
        return reason_of(script, shown)
    screen.console.print(summary(script, shown))
    screen.note()
    return ""


def main() -> int:
    """Record the demonstration; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recording", default=RECORDING, help="a file of models/demo")
    parser.add_argument("--out", type=Path, default=PICTURE)
    options = parser.parse_args()
    screen = RecordingConsole()
    try:
        _, scripts = read_scripts(find_recordings())
        script = next(entry for entry in scripts if entry.path.name == options.recording)
        reason = record(script, screen)
    except StopIteration:
        reason = f"models/demo has no recording {options.recording}"
    except (AuricleError, StageError, FileNotFoundError) as error:
        reason = str(error)
    if reason:
        print(reason, file=sys.stderr)
        return FAILED
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(screen.picture("Auricle"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
