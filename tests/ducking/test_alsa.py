"""What amixer prints of cards that count in decibels, and what the kernel tells of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle.ducking.backends.alsa import plays, read_controls

# The form of amixer 1.2.8, with the values of an HDA codec and of a Raspberry Pi's headphones.
CONTENTS = """\
numid=1,iface=MIXER,name='Master Playback Volume'
  ; type=INTEGER,access=rw---R--,values=2,min=0,max=87,step=0
  : values=87,60
  | dBscale-min=-65.25dB,step=0.75dB,mute=0
numid=2,iface=MIXER,name='Master Playback Switch'
  ; type=BOOLEAN,access=rw------,values=1
  : values=on
numid=3,iface=MIXER,name='PCM Playback Volume'
  ; type=INTEGER,access=rw---R--,values=1,min=-10239,max=400,step=0
  : values=-2000
  | dBminmax-min=-102.39dB,max=4.00dB
numid=4,iface=MIXER,name='Meter Playback Volume'
  ; type=INTEGER,access=r-------,values=1,min=0,max=10,step=0
  : values=3
"""


def test_controls_that_can_be_set_are_read() -> None:
    master, pcm = read_controls(CONTENTS)
    assert (master.name, master.values) == ("Master Playback Volume", (87, 60))
    assert (pcm.number, pcm.least, pcm.most) == (3, -10239, 400)


def test_twenty_decibels_are_so_many_steps_of_the_card() -> None:
    factor = 10 ** (-20 / 60)
    master, pcm = read_controls(CONTENTS)
    assert master.value(master.level(87) * factor) == 87 - round(20 / 0.75)
    assert pcm.value(pcm.level(-2000) * factor) == -4000  # counted in hundredths


def test_each_value_comes_back_as_itself() -> None:
    for control in read_controls(CONTENTS):
        values = range(control.least, control.most + 1)
        assert [control.value(control.level(value)) for value in values] == list(values)


@pytest.mark.parametrize(("state", "expected"), [("RUNNING", True), ("PREPARED", False)])
def test_a_card_plays_if_the_kernel_says_so(tmp_path: Path, state: str, expected: bool) -> None:
    closed, used = (tmp_path / "card0" / "pcm0p" / f"sub{number}" for number in (0, 1))
    for folder, content in ((closed, "closed\n"), (used, f"state: {state}\nowner_pid: 7\n")):
        folder.mkdir(parents=True)
        (folder / "status").write_text(content)
    assert plays(tmp_path) is expected
