"""What is read from /proc/asound, on a copy of what kernels write there."""

from __future__ import annotations

from pathlib import Path

from auricle.audio.alsa_cards import CaptureDevice, capture_devices

CARDS = """\
 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones
                      bcm2835 Headphones
 1 [ArrayUAC10     ]: USB-Audio - ReSpeaker 4 Mic Array (UAC1.0)
                      SEEED ReSpeaker 4 Mic Array (UAC1.0) at usb-3f980000.usb-1.4, high speed
"""
RUNNING = """\
state: RUNNING
owner_pid   : 1234
trigger_time: 7077.217402138
tstamp      : 7080.336415283
"""


def proc_asound(root: Path, status: str) -> Path:
    (root / "cards").write_text(CARDS)
    for folder in ("card0/pcm0p/sub0", "card1/pcm0p/sub0", "card1/pcm0c/sub0"):
        (root / folder).mkdir(parents=True)
        (root / folder / "status").write_text("closed\n")
    (root / "card1/pcm0c/sub0/status").write_text(status)
    return root


def test_a_free_microphone_has_no_owner(tmp_path: Path) -> None:
    assert capture_devices(proc_asound(tmp_path, "closed\n")) == (
        CaptureDevice("ReSpeaker 4 Mic Array (UAC1.0)", "hw:1,0", None),
    )


def test_a_microphone_in_use_names_its_owner(tmp_path: Path) -> None:
    (device,) = capture_devices(proc_asound(tmp_path, RUNNING))
    assert device.owner == 1234


def test_a_card_pulled_out_while_looking_does_no_harm(tmp_path: Path) -> None:
    root = proc_asound(tmp_path, RUNNING)
    status = root / "card1/pcm0c/sub0/status"
    status.unlink()
    status.symlink_to("gone")
    (root / "cards").unlink()
    assert capture_devices(root) == (CaptureDevice("card 1", "hw:1,0", None),)


def test_without_alsa_there_are_no_cards(tmp_path: Path) -> None:
    assert capture_devices(tmp_path / "asound") == ()
