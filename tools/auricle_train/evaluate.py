"""Word error rate and end-pointing on real recordings, through the daemon's own pipeline.

In: the folder of recordings and a bundle. Out: a table on the dev split of each set: the whole
recording decoded, and what a session makes of it, which the end-pointers may cut short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auricle.arbiter.budget import Budget
from auricle.assembly import Models, load_models, make_pipeline
from auricle.audio.format import FRAME_SAMPLES, SAMPLE_RATE
from auricle.config.schema import Config, RecognizerSettings
from auricle.transcription import Transcription, transcribe, transcribe_whole
from auricle_train.corpus import REAL_DEV, Clip, read_set
from auricle_train.scoring import score
from stage.alignment import end_of_speech

ROOM_SECONDS = 2.5  # of room noise after each recording: the microphone goes on


@dataclass(frozen=True)
class Heard:
    """What became of one recording."""

    reference: str
    whole: str  # text of the whole recording
    end: float  # seconds: true end of speech, see `stage.alignment`
    session: Transcription  # of a session, which the end-pointers close

    @property
    def cut_off(self) -> bool:
        """Whether the session was closed before speech had ended."""
        return bool(self.session.final.text) and self.session.final.time < self.end - 0.1

    @property
    def agreed(self) -> bool:
        """Whether the one speculative result was the final one."""
        guess = self.session.speculative
        return guess is not None and not self.session.revised


def with_room(samples: NDArray[np.int16], generator: np.random.Generator) -> NDArray[np.int16]:
    """Return the recording with room noise after it, as loud as its quietest tenth."""
    count = len(samples) // 320
    windows = samples[: count * 320].reshape(count, 320).astype(np.float64)
    quiet = np.sqrt(np.percentile(np.mean(windows**2, axis=1), 10))
    noise = generator.standard_normal(int(ROOM_SECONDS * SAMPLE_RATE)) * min(quiet, 300.0)
    return np.concatenate([samples, noise.astype(np.int16)])


def hear(clip: Clip, config: Config, models: Models, generator: np.random.Generator) -> Heard:
    """Let the daemon's pipeline hear one recording."""
    whole = transcribe_whole(frames(clip.samples), models.recognizer)
    room = with_room(clip.samples, generator)
    session = transcribe(frames(room), make_pipeline(config, models))
    return Heard(clip.text, whole.result.text, end_of_speech(clip.samples), session)


def frames(samples: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """Yield (160,) frames; what is left of one is filled with silence."""
    for first in range(0, len(samples), FRAME_SAMPLES):
        frame = samples[first : first + FRAME_SAMPLES]
        yield np.pad(frame, (0, FRAME_SAMPLES - len(frame)))


def evaluate(data: Path, bundle: str, limit: int) -> None:
    """Print the table.

    Args:
        data: folder of recordings, see `corpus`.
        bundle: name or absolute path.
        limit: recordings of each set, evenly spread; 0 for all.
    """
    config = Config(recognizer=RecognizerSettings(bundle=bundle))
    models = load_models(config, Budget(threads=1, beam=config.recognizer.beam), wake=False)
    generator = np.random.default_rng(0)
    print("WER, 95 % interval; `whole`: all decoded; `session`: with end-pointers")
    everything: list[Heard] = []
    for name in REAL_DEV:
        clips = [clip for clip in read_set(data, name, "dev") if clip.text]
        chosen = clips[:: max(1, len(clips) // limit)] if limit else clips
        heard = [hear(clip, config, models, generator) for clip in chosen]
        everything += heard
        whole = score([(item.reference, item.whole) for item in heard])
        session = score([(item.reference, item.session.final.text) for item in heard])
        print(f"{name:24} {whole.utterances:4} clips {whole.words:5} words  whole {whole}  "
              f"session {session}", flush=True)  # fmt: skip
    _print_latency(everything)


def _print_latency(heard: Sequence[Heard]) -> None:
    finals = [item for item in heard if item.session.final.text]
    kept = [item for item in finals if not item.cut_off]
    agreed = sum(item.agreed for item in finals)
    print(
        f"{len(heard)} sessions: {len(heard) - len(finals)} without a result, "
        f"{len(finals) - len(kept)} cut off early, {agreed} whose first speculative result stood"
    )
    late = {
        "speculative": [
            item.session.speculative.time - item.end for item in kept if item.session.speculative
        ],
        "final": [item.session.final.time - item.end for item in kept],
    }
    for kind, seconds in late.items():
        if not seconds:
            continue
        median, ninth = np.percentile(seconds, [50, 90])
        print(
            f"{kind:12} {median:.3f} s median, {ninth:.3f} s 90th percentile after the end "
            f"of speech ({len(seconds)} sessions)"
        )
    audio = sum(item.session.final.time for item in heard)
    compute = sum(item.session.compute_seconds for item in heard)
    print(f"real-time factor of sessions, one thread: {compute / audio:.4f}")
