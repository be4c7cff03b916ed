"""Layouts of corpora on disk: one module per layout, listed in `LAYOUTS`.

Each module has a function `utterances(source, unpacked)`, which yields the utterances listed by the
corpus and does not read their audio. lhotse's own recipes are not used, because they stop at the
first damaged file and skip missing files without counting them.
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
