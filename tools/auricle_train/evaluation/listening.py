"""Runs one recording through the daemon's own pipeline, and through its peers.

In: a clip and optionally a noise condition. Out: the transcription of the whole recording; a
session closed by the end-pointers, with room noise after the recording as from a microphone; and
the texts of the peers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from auricle.audio.format import FRAME_SAMPLES, SAMPLE_RATE
from auricle.config.schema import Config
from auricle.offline.live_clock import Transcription
from auricle.offline.transcription import transcribe, transcribe_whole
from auricle.recognizer.partial_text import PartialOptions
from auricle.service.assembly import budget_of, load_models, make_pipeline
from auricle_train.data.corpus import Clip
from auricle_train.evaluation.conditions import Background, Condition
from auricle_train.evaluation.peers import Peer
from auricle_train.evaluation.readings import Readings, Told
from testbed.alignment import end_of_speech

ROOM_SECONDS = 2.5  # of room noise after each recording
EARLY_SECONDS = 0.1  # a session that closes earlier before the end of speech is cut off


@dataclass(frozen=True)
class Heard:
    """The results for one recording."""

    clip: Clip
    end: float  # seconds: true end of speech, see `testbed.alignment`
    whole: Transcription  # the whole recording
    session: Transcription  # a session closed by the end-pointers
    peers: Mapping[str, Told]  # by name

    @property
    def cut_off(self) -> bool:
        """Whether the session was closed before speech had ended."""
        return bool(self.session.final.text) and self.session.final.time < self.end - EARLY_SECONDS

    @property
    def agreed(self) -> bool:
        """Whether the one speculative result was the final one."""
        return self.session.speculative is not None and not self.session.revised


class Listener:
    """Runs a bundle and its peers on recordings."""

    def __init__(
        self,
        config: Config,
        peers: Sequence[Peer] = (),
        readings: Readings | None = None,
        partials: PartialOptions | None = None,
    ) -> None:
        """Load the configured bundle.

        Raises:
            ModelError: the bundle cannot be loaded.
        """
        self._config = config
        models = load_models(config, budget_of(config), wake=False)
        if partials is not None:
            models = replace(models, recognizer=models.recognizer.with_partials(partials))
        self.models = models
        self._peers = peers
        self._readings = readings or Readings()

    def hear(
        self, clip: Clip, background: Background | None = None, condition: Condition | None = None
    ) -> Heard:
        """Process one recording, with the noise of a condition if one is given."""
        samples = with_room(clip)
        if background is not None and condition is not None:
            samples = background.mix(clip, samples, condition)
        said = samples[: len(clip.samples)]
        whole = transcribe_whole(frames(said), self.models.recognizer, time.process_time)
        # Processor time throughout: other programs on this machine delay nothing.
        pipeline = make_pipeline(self._config, self.models, clock=time.process_time)
        session = transcribe(frames(samples), pipeline, time.process_time)
        peers = {peer.name: self._readings.of(peer, said) for peer in self._peers}
        return Heard(clip, end_of_speech(clip.samples), whole, session, peers)


def with_room(clip: Clip) -> NDArray[np.int16]:
    """Return the recording with room noise after it, as loud as its quietest tenth."""
    count = len(clip.samples) // 320
    windows = clip.samples[: count * 320].reshape(count, 320).astype(np.float64)
    quiet = np.sqrt(np.percentile(np.mean(windows**2, axis=1), 10))
    generator = np.random.default_rng(crc32(clip.name.encode()))
    noise = generator.standard_normal(int(ROOM_SECONDS * SAMPLE_RATE)) * min(quiet, 300.0)
    return np.concatenate([clip.samples, noise.astype(np.int16)])


def frames(samples: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """Yield audio frames (160,); the last one is padded with silence."""
    for first in range(0, len(samples), FRAME_SAMPLES):
        frame = samples[first : first + FRAME_SAMPLES]
        yield np.pad(frame, (0, FRAME_SAMPLES - len(frame)))
