"""Make the recordings in models/demo, which `make run` plays without a microphone.

    python tools/make_demo_recording.py [--data ../shared/data] [--out models/demo]

In: real recordings of the data folder. Out: two FLAC files, 16 kHz mono, and their manifest. A
woman (speaker `kathleen`, CC0) says a wake word and a command in a quiet room. The command is an
unchanged recording. No redistributable recording contains a wake word of the shipped models, so
"alexa" is joined from two pieces of her speech, "(th)e le(tter)" and "(sti)cks a(n)", in the
silence before the k. No part of the voice is synthetic.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import yaml
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
LEVEL = 0.06  # root mean square of the voice, relative to full scale
ROOM_LEVEL = 0.0005  # root mean square of the room noise, -66 dB
PAUSE_SECONDS = 0.3  # spliced into the second recording

Sound = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """A part of a recording, faded in and out to avoid clicks at its edges."""

    set: str
    clip: str
    begin: float  # seconds in the clip
    end: float  # seconds in the clip
    fade: float  # seconds at each edge
    said: str  # text of the piece, with the rest of its words in parentheses


LE = Piece("kathleen", "arctic_a0061_1592747138", 1.10, 1.31, 0.01, "(th)e le(tter)")
KSA = Piece("kathleen", "arctic_b0272_1592532725", 1.665, 1.90, 0.01, "(sti)cks a(n)")
COMMAND = Piece(
    "kathleen", "arctic_b0343_1592531303", 0.175, 1.80, 0.01, "how are you going to do it"
)
BEFORE_PAUSE = Piece("kathleen", COMMAND.clip, COMMAND.begin, 0.785, 0.01, "how are you")
AFTER_PAUSE = Piece("kathleen", COMMAND.clip, 0.785, COMMAND.end, 0.005, "going to do it")
ROOM = Piece("noise", "ovos_bg_noise3", 1.2, 9.8, 0.0, "a quiet room")


class Clips:
    """The recordings of the data folder, with their table rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def cut(self, piece: Piece) -> Sound:
        """Return a piece as float64 in -1..1."""
        with tarfile.open(self.folder / f"{piece.set}.tar") as archive:
            member = archive.extractfile(f"{piece.clip}.opus")
            if member is None:
                raise FileNotFoundError(f"{piece.set}.tar has no {piece.clip}.opus; check --data")
            samples, rate = soundfile.read(io.BytesIO(member.read()))
        if rate != SAMPLE_RATE:
            raise ValueError(f"{piece.clip} has {rate} Hz; {SAMPLE_RATE} Hz is required")
        sound: Sound = samples[at(piece.begin) : at(piece.end)].copy()
        ramp = np.linspace(0.0, 1.0, at(piece.fade))
        sound[: len(ramp)] *= ramp
        sound[len(sound) - len(ramp) :] *= ramp[::-1]
        return sound

    def credit(self, piece: Piece) -> dict[str, object]:
        """Return source and licence of a piece for the manifest."""
        for line in (self.folder / f"{piece.set}.tsv").read_text(encoding="utf-8").splitlines():
            row = line.split("\t")
            if row[0] == piece.clip:
                return {
                    "said": piece.said,
                    "source": f"{row[10]}, {piece.clip}",
                    "seconds": [piece.begin, piece.end],
                    "licence": row[11],
                    "split": row[9],
                }
        raise KeyError(f"{piece.set}.tsv has no row for {piece.clip}")


def at(seconds: float) -> int:
    """Return a time as a number of samples."""
    return round(seconds * SAMPLE_RATE)


def silence(seconds: float) -> Sound:
    """Return silence."""
    return np.zeros(at(seconds))


def levelled(sound: Sound, level: float) -> Sound:
    """Return the sound scaled to a root mean square of `level`."""
    louder: Sound = sound * (level / np.sqrt(np.mean(sound**2)))
    return louder


def in_room(voice: Sound, room: Sound) -> Sound:
    """Mix a voice with room noise, which is looped forwards and backwards to avoid clicks."""
    there_and_back = np.concatenate((room, room[::-1]))
    repeats = -(-len(voice) // len(there_and_back))
    mixed: Sound = voice + np.tile(there_and_back, repeats)[: len(voice)]
    return mixed


def make(clips: Clips, command: tuple[Sound, ...]) -> Sound:
    """Return a recording of wake word and command in room noise."""
    wake_word = levelled(np.concatenate((clips.cut(LE), clips.cut(KSA))), LEVEL)
    voice = np.concatenate((silence(1.0), wake_word, silence(0.35), *command, silence(2.5)))
    return in_room(voice, levelled(clips.cut(ROOM), ROOM_LEVEL))


def main() -> None:
    """Write both recordings and the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("models/demo"))
    arguments = parser.parse_args()
    clips = Clips(arguments.data)
    gain = LEVEL / np.sqrt(np.mean(clips.cut(COMMAND) ** 2))
    begin, end = (clips.cut(piece) * gain for piece in (BEFORE_PAUSE, AFTER_PAUSE))
    plain = (clips.cut(COMMAND) * gain,)
    paused = (begin, silence(PAUSE_SECONDS), end)
    about_pause = f" with a pause of {PAUSE_SECONDS} s after `how are you`"
    entries = [
        write(arguments.out / "command.flac", make(clips, plain), ""),
        write(arguments.out / "command_with_pause.flac", make(clips, paused), about_pause),
    ]
    manifest = {
        "name": "demo",
        "version": 1,
        "kind": "recordings",
        "language": "en",
        "licence": "CC0-1.0 and public domain: the recordings may be used and passed on freely",
        "spliced": "Real recordings of one woman, cut and joined. The command is what she said. "
        "The wake word is put together from two of her syllables, for she never said it; no voice "
        "is synthetic. Made by tools/make_demo_recording.py.",
        "pieces": [clips.credit(piece) for piece in (LE, KSA, COMMAND, ROOM)],
        "files": entries,
    }
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=100)
    (arguments.out / "manifest.yaml").write_text(text, encoding="utf-8")


def write(path: Path, sound: Sound, remark: str) -> dict[str, object]:
    """Write a recording; return its manifest entry."""
    soundfile.write(path, sound, SAMPLE_RATE, subtype="PCM_16")
    return {
        "file": path.name,
        "what": f"room, wake word, command{remark}, room",
        "wake_word": "alexa",
        "text": COMMAND.said,
        "seconds": round(len(sound) / SAMPLE_RATE, 3),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    main()
