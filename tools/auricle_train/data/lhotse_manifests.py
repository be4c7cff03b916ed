"""Writes lhotse manifests of corpora, and reads clips from them.

In: utterances of a layout (see `layouts`). Out: a lhotse CutSet, `.jsonl.gz`, with one cut per
utterance usable for training. Its supervision has the normalised text and the speaker, and as
custom fields split, licence and source. Other utterances are dropped and counted by reason.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
from lhotse import AudioSource, CutSet, MonoCut, Recording, SupervisionSegment
from numpy.typing import NDArray

from auricle.audio.file import read_recording
from auricle.audio.format import FRAME_SAMPLES, SAMPLE_RATE
from auricle.audio.vad import VoiceActivity
from auricle.errors import AudioError
from auricle_train.data.corpus import Clip, is_allowed
from auricle_train.data.layouts.utterance import LayoutError, Utterance
from auricle_train.text.normalizer import normalize

LEAST_VOICED = 8  # minimum voiced 10 ms frames of a clip with speech
SLOWEST, FASTEST = 0.5, 30.0  # letters per second; real speech has 1 to 20
DEV_SHARE = 8  # percent of speakers for dev, if the corpus has no splits
AT_ONCE = 256  # utterances queued for the decoding threads


@dataclass
class Report:
    """Counts of kept and dropped utterances."""

    kept: int = 0
    seconds: float = 0.0
    dropped: Counter[str] = field(default_factory=Counter)  # by reason

    def __str__(self) -> str:
        """Return the report as one line."""
        told = f"{self.kept} clips, {self.seconds / 3600:.2f} h; dropped {self.dropped.total()}"
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.dropped.most_common())
        return f"{told}: {reasons}" if reasons else told


def write_manifest(
    utterances: Iterable[Utterance],
    path: Path,
    *,
    any_licence: bool = False,
    unlabelled: bool = False,
) -> Report:
    """Write a manifest of the usable utterances, atomically; decode every recording once.

    Args:
        utterances: utterances of one corpus.
        path: manifest, `.jsonl.gz`.
        any_licence: also keep utterances whose licence forbids shipping a model trained on them.
        unlabelled: also keep utterances without text, for labelling by teachers.

    Raises:
        LayoutError: no utterance is usable.
    """
    report = Report()
    partial = path.with_name(f"partial-{path.name}")
    try:
        with CutSet.open_writer(partial, overwrite=True) as writer:
            for made in _examined(utterances, any_licence, unlabelled):
                if isinstance(made, str):
                    report.dropped[made] += 1
                else:
                    writer.write(made)
                    report.kept += 1
                    report.seconds += made.duration
        if not report.kept:
            raise LayoutError(f"source: no clip is usable ({report}); check the folder")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return report


def clips_of(manifest: Path, split: str) -> Iterator[Clip]:
    """Yield the clips of one split of a manifest, like `corpus.read_set` for a set.

    Raises:
        AudioError: a recording cannot be read.
    """
    for cut in CutSet.from_file(manifest):
        said = cut.supervisions[0]
        if said.custom["split"] == split:
            samples = read_recording(cut.recording.sources[0].source)
            first = round(cut.start * SAMPLE_RATE)
            samples = samples[first : first + round(cut.duration * SAMPLE_RATE)]
            yield Clip(cut.id, samples, said.text, said.speaker)


def _examined(
    utterances: Iterable[Utterance], any_licence: bool, unlabelled: bool
) -> Iterator[MonoCut | str]:
    waiting = iter(utterances)
    with ThreadPoolExecutor() as pool:
        while some := list(islice(waiting, AT_ONCE)):
            yield from pool.map(lambda one: examine(one, any_licence, unlabelled), some)


def examine(
    utterance: Utterance, any_licence: bool = False, unlabelled: bool = False
) -> MonoCut | str:
    """Return the cut of an utterance, or the reason why it is not usable."""
    reason = _unfit_text(utterance, any_licence, unlabelled)
    if reason:
        return reason
    if not utterance.audio.is_file():
        return "whose audio is missing"
    try:
        samples = read_recording(utterance.audio)
    except AudioError:
        return "whose audio is not readable"
    text = normalize(utterance.text)
    if text and not SLOWEST < len(text.replace(" ", "")) / (len(samples) / SAMPLE_RATE) < FASTEST:
        return "whose text is too long or too short for the audio"
    if not has_speech(samples):
        return "without speech"
    return _cut(utterance, text)


def _unfit_text(utterance: Utterance, any_licence: bool, unlabelled: bool) -> str:
    if not any_licence and not is_allowed(utterance.licence):
        return "whose licence forbids shipping a model (see --any-licence)"
    if re.search(r"\d", utterance.text):
        return "with digits in the text, whose pronunciation is unknown"
    return "" if unlabelled or normalize(utterance.text) else "without text (see --unlabelled)"


def has_speech(samples: NDArray[np.int16]) -> bool:
    """Return whether the daemon's voice activity detection finds speech in (any,) samples."""
    gate, voiced = VoiceActivity(aggressiveness=1), 0
    state = gate.initial_state()
    for first in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        state, _ = gate.step(state, samples[first : first + FRAME_SAMPLES])
        voiced += state.voiced
        if voiced >= LEAST_VOICED:
            return True
    return False


def _cut(utterance: Utterance, text: str) -> MonoCut:
    about = soundfile.info(utterance.audio)
    recording = Recording(
        id=utterance.name,
        sources=[AudioSource("file", list(range(about.channels)), str(utterance.audio.resolve()))],
        sampling_rate=about.samplerate,
        num_samples=about.frames,
        duration=about.frames / about.samplerate,
    )
    said = SupervisionSegment(
        id=utterance.name,
        recording_id=utterance.name,
        start=0.0,
        duration=recording.duration,
        text=text,
        language="en",
        speaker=utterance.speaker,
        custom={
            "split": utterance.split or split_of(utterance.speaker or utterance.name),
            "licence": utterance.licence,
            "source": utterance.source,
        },
    )
    return MonoCut(
        id=utterance.name, start=0.0, duration=recording.duration, channel=0,
        supervisions=[said], recording=recording,
    )  # fmt: skip


def split_of(key: str) -> str:
    """Return train or dev for a speaker, or for a clip of an unknown speaker, by hash."""
    digest = hashlib.sha256(key.encode()).digest()
    return "dev" if int.from_bytes(digest[:4], "big") % 100 < DEV_SHARE else "train"
