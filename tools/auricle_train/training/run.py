"""Trains both passes: CTC head first, then all of it, with Whisper's full context as teacher.

In: recordings, Whisper's weights, the vocabularies. Out: a folder with a checkpoint, resumed when
it exists, and a log of one JSON object a line. See `objective` for what is learned and `trainer`
for how.
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

PREFIXES = ("wake_words", "words_custom")  # heard before what is to be written


@dataclass(frozen=True)
class Origin:
    """What the networks are made from."""

    whisper: Path  # CTranslate2's model.bin; its sizes are the networks'
    vocabulary: Path  # of the first pass
    pieces: Path  # of the second
    encoder: str = "attention"  # or "lstm"
    branch: int = 2  # layers of its own that the first pass has; an LSTM has none
    start: Path | None = None  # checkpoint of an earlier run, to go on from

    def build(self, plan: Plan) -> Objective:
        """Return the student with its first weights, and its teachers."""
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
        """Those of the first and of the second pass."""
        return Tokenizer.load(self.vocabulary), Tokenizer.load(self.pieces)


@dataclass(frozen=True)
class Recordings:
    """What is heard."""

    folder: Path  # of sets, see `corpus`
    manifests: Sequence[Path] = ()  # of other corpora, see `manifests`
    labels: Path | None = None  # texts that teachers gave to clips without: `labels.tsv`
    written: Path | None = None  # texts as the second pass is to write them: the step `write`
    exclude: Path | None = None  # names of clips whose text is wrong, one a line
    store: Path | None = None  # keeps decoded samples from run to run

    def speech(self) -> list[Clip]:
        """Return the clips to be recognised."""
        clips = self.others(SPEECH)
        if self.manifests:  # lhotse takes seconds to import, for which only these wait
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
        """Return the texts that teachers gave to clips without, by name."""
        return _texts(self.labels)

    def excluded(self) -> set[str]:
        """Return the names of clips that are left out."""
        return set(_lines(self.exclude))

    def others(self, sets: Sequence[str]) -> list[Clip]:
        """Return what is heard beside them."""
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
    """Run or resume one plan; the checkpoint is `out/checkpoint.pt`, the log `out/log.jsonl`.

    With `origin.start` there is nothing to warm up. Under `torchrun` each process hears its own
    stream.

    Returns:
        The signal that ended the run before its time, or None.
    """
    torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    with joined() as group:
        torch.manual_seed(plan.seed)
        trainer = Trainer(origin.build(plan), out / "checkpoint.pt", group)
        # A resumed run must not hear the same utterances again, nor two processes the same.
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
