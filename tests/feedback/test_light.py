"""The pattern of the LED."""

from __future__ import annotations

import asyncio
from pathlib import Path

from auricle.feedback.light import BLINK_SECONDS, BLINKS, WakeLight
from auricle.privacy.led import Led


class RecordingLed(Led):
    """Remembers what it was told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "feedback.led", "no light")
        self.shown: list[bool] = []

    def show(self, name: str | None, *, lit: bool) -> str:
        self.shown.append(lit)
        return super().show(name, lit=lit)


def test_it_blinks_at_the_wake_word_and_is_off_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "led0"
    folder.mkdir()
    (folder / "brightness").write_text("5\n", encoding="ascii")
    led, told = RecordingLed(tmp_path), list[str]()

    async def session() -> None:
        light = WakeLight(led, "led0", told.append)
        light.begin()
        await asyncio.sleep((2 * BLINKS + 2) * BLINK_SECONDS)
        assert (folder / "brightness").read_text(encoding="ascii")[0] == "1"
        light.end()

    asyncio.run(session())
    assert led.shown == [False, False, True, False, True, False, True, False]
    assert (folder / "brightness").read_text(encoding="ascii")[0] == "0"
    assert told == []


def test_a_missing_led_is_reported_once_with_its_key(tmp_path: Path) -> None:
    told: list[str] = []

    async def session() -> None:
        light = WakeLight(Led(tmp_path, "feedback.led", "no light"), "led9", told.append)
        light.begin()
        light.end()

    asyncio.run(session())
    (sentence,) = told
    assert sentence.startswith(
        f"feedback.led: {tmp_path / 'led9' / 'brightness'} cannot be written"
    )
