"""Whisper writes transcripts its own way: with capitals and marks, and with no other words.

In: clips with texts in plain words. Out: the same words, as Whisper's decoder, which hears the
clip, finds them most likely written. So the second pass learns from transcripts in the writing that
its decoder knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from auricle.features import SAMPLE_RATE, SILENCE, LogMel
from auricle.recognizer.surface_forms import END, Writing
from auricle_train.data.corpus import Clip
from auricle_train.distillation.teacher_encoder import load_teacher_encoder
from auricle_train.models.attention_decoder import POSITIONS, AttentionDecoder, Stepper
from auricle_train.models.dimensions import STRIDE, Shape
from auricle_train.models.whisper_weights import read_part, read_tokens
from auricle_train.tokens.whisper_vocabulary import END_TOKEN, prompt, tokenizer, usable
from auricle_train.training.precision import computing

PAUSE = 4.0  # seconds of silence after a clip: without, Whisper does not know that it is over
BATCH = 24


class Scribe:
    """Holds the model."""

    def __init__(self, whisper: Path) -> None:
        """Load a model in CTranslate2's format."""
        tokens = read_tokens(whisper)
        pieces = usable(tokens)
        self._tokenizer = tokenizer(pieces)
        self._writing = Writing(self._tokenizer)
        self._encoder = load_teacher_encoder(whisper)
        shape: Shape = self._encoder.shape
        self._decoder = AttentionDecoder(
            shape.width, shape.heads, shape.hidden, shape.decoder_layers, len(self._tokenizer),
            len(prompt(tokens)),
        ).eval()  # fmt: skip
        self._decoder.load_whisper(
            read_part(whisper, "decoder"),
            [tokens.index(END_TOKEN), *pieces.values()],
            prompt(tokens),
        )
        self._log_mel = LogMel()

    def write(self, clips: Sequence[Clip]) -> Iterator[tuple[Clip, str]]:
        """Yield clips in another order, each with its text as it is written."""
        ordered = sorted(clips, key=lambda clip: len(clip.samples))
        for first in range(0, len(ordered), BATCH):
            group = ordered[first : first + BATCH]
            yield from zip(group, self._write(group), strict=True)

    @torch.no_grad()
    def _write(self, clips: Sequence[Clip]) -> list[str]:
        longest = max(len(clip.samples) for clip in clips) + int(PAUSE * SAMPLE_RATE)
        rows = [self._features(clip, longest) for clip in clips]
        features = torch.from_numpy(np.stack(rows))
        ends = torch.tensor([len(clip.samples) / SAMPLE_RATE + PAUSE for clip in clips])
        with computing(features.device):
            frames = self._encoder(features, chunked=False)
            heard = torch.arange(frames.shape[1])[None] < (ends * 100 / STRIDE)[:, None]
            stepper = Stepper(self._decoder, frames, heard)
            places = [self._writing.begin(clip.text) for clip in clips]
            written: list[list[int]] = [[] for _ in clips]
            going = list(range(len(clips)))
            for _ in range(POSITIONS - len(self._decoder.prompt)):
                scores = stepper.logits.float()
                chosen = [END] * len(clips)
                for row in going:
                    may = self._writing.following(places[row])
                    chosen[row] = may[int(scores[row, may].argmax())]
                going = [row for row in going if chosen[row] != END]
                if not going:
                    break
                for row in going:
                    written[row].append(chosen[row])
                    places[row] = self._writing.take(places[row], chosen[row])
                stepper.step(torch.tensor(chosen))
        return [self._tokenizer.decode(row) for row in written]

    def _features(self, clip: Clip, count: int) -> np.ndarray:
        """Return the features of a clip and silence to so many samples, (frames, 80)."""
        samples = np.zeros(count, np.float32)
        samples[: len(clip.samples)] = clip.samples.astype(np.float32) / 32768
        heard = self._log_mel.whole(samples)
        return np.pad(heard, ((0, -len(heard) % STRIDE), (0, 0)), constant_values=SILENCE)
