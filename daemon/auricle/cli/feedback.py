"""`auricle feedback`: a chime and an LED when a wake word was heard."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from auricle.audio.format import Samples
from auricle.cli.bus_option import add_bus_option, own_bus
from auricle.cli.serving import journal_of, serve
from auricle.config.loading import load
from auricle.config.locations import find_config
from auricle.feedback.chime import OFF, make_chime
from auricle.feedback.light import WakeLight
from auricle.feedback.player import ChimePlayer
from auricle.feedback.process import Feedback
from auricle.privacy.led import LEDS, Led

DESCRIPTION = """\
Play a chime and light an LED when the daemon has heard a wake word, as feedback.chime and
feedback.led in the configuration say. systemd runs the command: `systemctl enable --now
auricle-feedback`. It ends at once if both are off.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="the main configuration file (default: the same as of `auricle config check`)",
    )
    parser.add_argument("--once", action="store_true", help="only play the chime now, and end")
    add_bus_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Give feedback until a signal; return 0.

    Raises:
        AuricleError: the chime cannot be read, or the daemon has stopped or refuses this user.
    """
    path = arguments.config or find_config()
    config = load(path)
    settings, tell = config.feedback, journal_of("feedback")
    chime = make_chime(settings.chime, settings.chime_volume)
    if settings.chime == OFF and (settings.led is None or arguments.once):
        tell("feedback.chime is off in the configuration, and there is nothing else to do")
    elif arguments.once:
        ChimePlayer().play(chime)
    else:
        bus = arguments.bus or own_bus(path) or config.bus.kind
        serve(follow(bus, chime, settings.led, tell))
    return 0


async def follow(
    bus: str, chime: Samples, led_name: str | None, tell: Callable[[str], None]
) -> None:
    """Give feedback to the events of the daemon on a bus."""
    led = Led(LEDS, "feedback.led", "it does not show that the wake word was heard")
    light = WakeLight(led, led_name, tell)
    await Feedback(chime, ChimePlayer().play, light, tell).serve(bus)
