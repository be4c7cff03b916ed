"""How corpora lie on disk: one module a layout, and `LAYOUTS`, which finds them by name.

A module has one function, `utterances(source, unpacked)`: it yields what the corpus says there is,
and looks at no audio. lhotse's own recipes are not used: they end at the first damaged file, and
leave out missing ones without a count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from auricle_train.data.layouts import (
    common_voice,
    folder,
    librispeech,
    sets,
    slurp,
    speech_commands,
    table,
    vctk,
)
from auricle_train.data.layouts.utterance import Utterance

Layout = Callable[[Path, Path], Iterator[Utterance]]

LAYOUTS: dict[str, Layout] = {
    "sets": sets.utterances,
    "folder": folder.utterances,
    "table": table.utterances,
    "librispeech": librispeech.utterances,
    "common-voice": common_voice.utterances,
    "speech-commands": speech_commands.utterances,
    "vctk": vctk.utterances,
    "slurp": slurp.utterances,
}
