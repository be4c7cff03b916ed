"""Trains both passes, first the CTC head, then everything, with Whisper as teacher.

In: recordings, Whisper's weights and the vocabularies. Out: a folder with a checkpoint, from which
a run resumes, and a log with one JSON object per line. `losses.objective` computes the losses;
`training.trainer` runs the steps.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from auricle.features import SAMPLE_RATE
from auricle.tokenizer import Tokenizer
from auricle_train.augment.room_impulse_responses import load_rooms
from auricle_train.data.audio_cache import stored_set
from auricle_train.data.batches import Batches
from auricle_train.data.corpus import BACKGROUND, SPEECH, Clip, read_set
from auricle_train.losses.objective import Objective, Teachers
from auricle_train.models.dimensions import Shape
from auricle_train.models.transducer import Encoder, Transducer
from auricle_train.models.whisper_weights import read_part, read_tokens, sizes
from auricle_train.tokens.whisper_vocabulary import prompt, sources
from auricle_train.training import checkpoint
from auricle_train.training.config import Plan
from auricle_train.training.distributed import joined
from auricle_train.training.trainer import Trainer

PREFIXES = ("wake_words", "words_custom")  # sets of words that precede utterances, not transcribed


@dataclass(frozen=True)
class Origin:
    """Files and options from which the networks are built."""

    whisper: Path  # CTranslate2 model.bin; determines the sizes of the networks
    vocabulary: Path  # tokens.txt of the first pass
    pieces: Path  # pieces.txt of the second pass
    encoder: str = "attention"  # or "lstm"
    branch: int = 2  # last encoder layers that the first pass does not share; an LSTM shares all
    start: Path | None = None  # checkpoint of an earlier run to start from

    def build(self, plan: Plan) -> Objective:
        """Return the student with its initial weights, and its teachers."""
        encoder, decoder = read_part(self.whisper, "encoder"), read_part(self.whisper, "decoder")
        tokens = read_tokens(self.whisper)
        before, found = prompt(tokens), sizes(encoder, decoder)
        branch = min(self.branch, found["layers"]) if self.encoder == "attention" else 0
        shape = Shape(
            vocabulary=len(self.tokenizers[0]), pieces=len(self.tokenizers[1]), prompt=len(before),
            encoder=self.encoder, branch=branch, **found,
        )  # fmt: skip
        teacher = Encoder(shape)
        teacher.load_whisper(encoder)
        model = Transducer(shape)
        if isinstance(model.encoder, Encoder):
            model.encoder.load_whisper(encoder)
        if model.branch is not None:
            model.branch.grow(model.encoder)
        model.decoder.load_whisper(decoder, sources(self.pieces, tokens), before)
        asked = copy.deepcopy(model.decoder) if plan.soft else None
        model.decoder.round_table()
        if self.start is not None:
            checkpoint.take(model, checkpoint.read(self.start))
            plan = replace(plan, warm_steps=0)
        return Objective(plan, model, Teachers(teacher, asked))

    @property
    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """Tokenizers of the first and the second pass."""
        return Tokenizer.load(self.vocabulary), Tokenizer.load(self.pieces)


@dataclass(frozen=True)
class Recordings:
    """The training recordings."""

    folder: Path  # data folder, see `data.corpus`
    manifests: Sequence[Path] = ()  # lhotse manifests of other corpora
    labels: Path | None = None  # `labels.tsv`: pseudo-labels for clips without a text
    written: Path | None = None  # second-pass texts, written by `restyle-transcripts`
    exclude: Path | None = None  # names of clips to skip, one per line
    store: Path | None = None  # folder that caches decoded samples

    def speech(self) -> list[Clip]:
        """Return the clips to recognise."""
        clips = self.others(SPEECH)
        if self.manifests:  # imported here, because lhotse takes seconds to import
            manifests = importlib.import_module("auricle_train.data.lhotse_manifests")
            clips += [clip for path in self.manifests for clip in manifests.clips_of(path, "train")]
        labels, written, wrong = self.labelled(), _texts(self.written), self.excluded()
        read = [
            replace(
                clip,
                text=clip.text or labels.get(clip.name, ""),
                written=written.get(clip.name, ""),
            )
            for clip in clips
        ]
        return [clip for clip in read if clip.text and clip.name not in wrong]

    def labelled(self) -> dict[str, str]:
        """Return the pseudo-labels by clip name."""
        return _texts(self.labels)

    def excluded(self) -> set[str]:
        """Return the names of the clips to skip."""
        return set(_lines(self.exclude))

    def others(self, sets: Sequence[str]) -> list[Clip]:
        """Return the training clips of sets, for instance wake words or noise."""
        return [clip for name in sets for clip in self._set(name)]

    def _set(self, name: str) -> Sequence[Clip] | Iterator[Clip]:
        if self.store is None:
            return read_set(self.folder, name, "train")
        return stored_set(self.store, self.folder, name, "train")


def _lines(path: Path | None) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path else []


def _texts(path: Path | None) -> dict[str, str]:
    return dict(line.split("\t", 1) for line in _lines(path))


def train(
    recordings: Recordings, origin: Origin, plan: Plan, out: Path, threads: int
) -> int | None:
    """Start or resume a run; the checkpoint is `out/checkpoint.pt`, the log `out/log.jsonl`.

    With `origin.start` there are no warm-up steps. Under `torchrun` each process draws its own
    stream of utterances.

    Returns:
        The signal that stopped the run early, or None.
    """
    torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    with joined() as group:
        torch.manual_seed(plan.seed)
        trainer = Trainer(origin.build(plan), out / "checkpoint.pt", group)
        # A resumed run must see new utterances, and each process different ones.
        seed = (plan.seed, group.rank, trainer.step)
        torch.manual_seed(hash(seed))
        clips = recordings.speech()
        if group.leads:
            hours = sum(len(clip.samples) for clip in clips) / SAMPLE_RATE / 3600
            print(f"{len(clips)} clips, {hours:.1f} h", flush=True)
        batches = Batches(
            clips, recordings.others(PREFIXES), recordings.others(BACKGROUND), origin.tokenizers,
            plan.batch_seconds, seed, plan.distance_share,
            rooms=load_rooms(plan.rooms, plan.seed, out) if plan.rooms else (),
        )  # fmt: skip
        return trainer.run(batches, out / "log.jsonl")
