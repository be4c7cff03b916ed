"""Every command of the README and the documentation is run as it stands there, in its order.

Commands in blocks of `console` are run; those in blocks of `sh` need root, a device or much time.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.client.client import AssistantClient
from auricle.errors import NotRunningError
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.virtual_microphone import VirtualMicrophone

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)\s#]+)(?:#[^)]*)?\)")
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`([\w./-]+/[\w.-]*\.(?:py|yaml|yml|md|xml|cfg|toml))`")
READY_SECONDS = 60.0


def blocks() -> list[list[str]]:
    """Return the commands of each block: the lines that begin with a prompt.

    Those that install the package are run on a machine of their own, by tests/boot.
    """
    found = [
        [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
        for page in PAGES
        for block in BLOCK.findall(page.read_text(encoding="utf-8"))
    ]
    return [commands for commands in found if commands and "apt install" not in commands[0]]


async def answers(bus: str) -> bool:
    try:
        async with AssistantClient(bus) as client:
            await client.status()
    except NotRunningError:
        return False
    return True


def wait_for_daemon(bus: str) -> None:
    deadline = time.monotonic() + patience(READY_SECONDS)
    while not asyncio.run(answers(bus)):
        assert time.monotonic() < deadline, "the daemon of the page did not come up"
        time.sleep(0.2)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A newcomer's shell: the environment of the checkout, a microphone, a session bus."""
    with VirtualMicrophone() as microphone, PrivateBus() as bus:
        yield (
            os.environ
            | microphone.environment
            | bus.environment
            | {
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "TMPDIR": str(tmp_path),
                "XDG_STATE_HOME": str(tmp_path),
                "DBUS_SESSION_BUS_ADDRESS": bus.address,
            }
        )


def test_the_pages_have_commands() -> None:
    assert sum(map(len, blocks())) >= 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_file_names_lead_to_files(page: Path) -> None:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    places = (ROOT, ROOT / "daemon" / "auricle")
    missing += [
        name
        for name in FILE.findall(text)
        if not name.startswith(("/", ".")) and not any((place / name).exists() for place in places)
    ]
    assert not missing


@pytest.mark.timeout(300)
@pytest.mark.parametrize("commands", blocks(), ids=lambda commands: commands[0][:40])
def test_the_commands_of_a_block_work(commands: list[str], environment: dict[str, str]) -> None:
    background: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            # What `make` makes is this very test, or has a test of its own; that it is there
            # and knows what to do is asked of make itself.
            line = re.sub(r"^make ", "make --dry-run ", command)
            if line.endswith("&"):
                arguments = ["bash", "-c", f"exec {line.removesuffix('&')}"]
                background.append(subprocess.Popen(arguments, cwd=ROOT, env=environment))
                wait_for_daemon(environment["DBUS_SESSION_BUS_ADDRESS"])
                continue
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", line],
                cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
                timeout=patience(120),
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    finally:
        for process in background:
            process.terminate()
            process.wait(patience(30))
