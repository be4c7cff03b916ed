"""The privacy LED, in a tree like that of sysfs."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from auricle.config.schema import PrivacySettings, RerankerSettings
from auricle.privacy.guard import Guard, Places
from auricle.privacy.led import Led
from auricle.privacy.mode import PrivacyMode

SETTINGS = PrivacySettings(
    mode="local", led="green:privacy", reranker=RerankerSettings(url="https://localhost:1/")
)


def add_led(leds: Path, name: str, most: str | None) -> Path:
    """Make an LED as in sysfs, a link to its device folder; return its brightness file."""
    device = leds.parents[1] / "devices" / "platform" / "leds" / name
    device.mkdir(parents=True)
    (device / "brightness").write_text("0\n")
    if most is not None:
        (device / "max_brightness").write_text(most)
    leds.mkdir(parents=True, exist_ok=True)
    (leds / name).symlink_to(os.path.relpath(device, leds))
    return device / "brightness"


@pytest.fixture
def leds(tmp_path: Path) -> Path:
    return tmp_path / "sys" / "class" / "leds"


def guard_of(folder: Path, leds: Path, told: list[str]) -> Guard:
    wipe: Callable[[], Awaitable[None]] = lambda: pytest.fail("nothing is to be erased")  # noqa: E731
    places = Places(folder / "privacy", folder / "relay" / "lattices", {os.getuid()}, leds)
    return Guard(SETTINGS, places, "en", lambda: None, told.append, wipe, told.append)


def shown(brightness: Path) -> int:
    """Return the last value written; a sysfs file would contain only that one."""
    return int(brightness.read_text().split()[0])


@pytest.mark.asyncio
async def test_led_is_on_only_while_lattices_may_be_sent(tmp_path: Path, leds: Path) -> None:
    brightness = add_led(leds, "green:privacy", "255\n")
    other = add_led(leds, "led0", None)
    brightness.write_text("1\n")  # as left by a killed daemon
    told: list[str] = []
    guard = guard_of(tmp_path, leds, told)
    await guard.load()
    assert shown(brightness) == 0
    await guard.set_mode(PrivacyMode.LATTICE)
    assert shown(brightness) == 255
    await guard.reconfigure(replace(SETTINGS, led="led0"), "en")
    assert (shown(brightness), shown(other)) == (0, 1)
    await guard.reconfigure(replace(SETTINGS, led="led0", reranker=None), "en")
    assert shown(other) == 0  # no reranker
    await guard.reconfigure(replace(SETTINGS, led="led0"), "en")
    assert shown(other) == 1
    await guard.close()
    assert shown(other) == 0
    assert told == []


@pytest.mark.asyncio
async def test_unwritable_led_is_reported_once_and_changes_nothing_else(
    tmp_path: Path, leds: Path
) -> None:
    told: list[str] = []
    guard = guard_of(tmp_path, leds, told)
    await guard.load()
    await guard.set_mode(PrivacyMode.LATTICE)
    assert guard.mode is PrivacyMode.LATTICE
    await guard.close()
    (sentence,) = told
    assert "privacy.led" in sentence
    assert "green:privacy/brightness cannot be written (No such file or directory)" in sentence
    assert not leds.exists()


def test_recurring_fault_is_reported_again(leds: Path) -> None:
    lamp = Led(leds)
    assert lamp.show("led0", lit=True)
    assert not lamp.show("led0", lit=True)
    brightness = add_led(leds, "led0", "1")
    assert not lamp.show("led0", lit=True)
    brightness.unlink()
    assert lamp.show("led0", lit=False)
    assert not lamp.show(None, lit=False)
