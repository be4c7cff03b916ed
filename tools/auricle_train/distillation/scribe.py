"""Adds capitals and punctuation to transcripts with Whisper, without changing their words.

In: clips with normalised texts. Out: the same words, with the capitals and punctuation to which
Whisper's decoder gives the highest probability for the clip. The second pass is trained on these
texts, because its decoder comes from Whisper.
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

PAUSE = 4.0  # seconds of silence after a clip, so that Whisper detects its end
BATCH = 24  # clips


class Scribe:
    """Adds capitals and punctuation with a Whisper model."""

    def __init__(self, whisper: Path) -> None:
        """Load a model in CTranslate2 format."""
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
        """Yield the clips with their written texts, sorted by length."""
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
            mask = torch.arange(frames.shape[1])[None] < (ends * 100 / STRIDE)[:, None]
            stepper = Stepper(self._decoder, frames, mask)
            places = [self._writing.begin(clip.text) for clip in clips]
            written: list[list[int]] = [[] for _ in clips]
            active = list(range(len(clips)))
            for _ in range(POSITIONS - len(self._decoder.prompt)):
                scores = stepper.logits.float()
                chosen = [END] * len(clips)
                for row in active:
                    allowed = self._writing.following(places[row])
                    chosen[row] = allowed[int(scores[row, allowed].argmax())]
                active = [row for row in active if chosen[row] != END]
                if not active:
                    break
                for row in active:
                    written[row].append(chosen[row])
                    places[row] = self._writing.take(places[row], chosen[row])
                stepper.step(torch.tensor(chosen))
        return [self._tokenizer.decode(row) for row in written]

    def _features(self, clip: Clip, count: int) -> np.ndarray:
        """Return the features of a clip padded with silence to `count` samples, (frames, 80)."""
        samples = np.zeros(count, np.float32)
        samples[: len(clip.samples)] = clip.samples.astype(np.float32) / 32768
        features = self._log_mel.whole(samples)
        return np.pad(features, ((0, -len(features) % STRIDE), (0, 0)), constant_values=SILENCE)
