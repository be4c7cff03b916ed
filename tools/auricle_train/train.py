"""Trains both passes: CTC head first, then all of it, with Whisper's full context as teacher.

In: a folder of recordings, Whisper's weights, the vocabularies. Out: a checkpoint, resumed when it
exists, and a log of one JSON object a line. Loss: transducer + CTC + cross entropy of the second
pass + distance of the chunked encoder's frames, on disturbed audio, from the teacher's on clean
audio.
"""

from __future__ import annotations

import copy
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from auricle.recognizer.tokenizer import BLANK, Tokenizer
from auricle_train.batches import Batch, Batches
from auricle_train.corpus import BACKGROUND, SPEECH, read_set
from auricle_train.network import STACK, Encoder, Shape, Transducer, contexts_of
from auricle_train.node_scores import node_scores
from auricle_train.pieces import sources
from auricle_train.reference import load_weights
from auricle_train.transducer_loss import transducer_loss
from auricle_train.whisper import read_part, read_tokens


@dataclass(frozen=True)
class Plan:
    """What one run does."""

    minutes: float = 90.0  # wall time over all resumptions; the learning rate ends at 0 then
    decay: float = 0.35  # share of that time in which it falls
    warm_steps: int = 250  # steps on the CTC head alone: without, CTC lingers at blanks for hours
    batch_seconds: float = 36.0  # audio of one step
    encoder_rate: float = 2.2e-4  # peak learning rates
    head_rate: float = 1.2e-3
    decoder_rate: float = 1e-4
    ctc: float = 0.4  # weights of the losses beside the transducer's
    attention: float = 1.0
    smoothing: float = 0.1  # of the labels of the second pass
    distance: float = 4.0
    distance_share: float = 0.4  # of the steps: the teacher costs a quarter of a step
    fast_emit: float = 0.005
    nodes: int = 7000  # of the transducer's grid in a step: long utterances would cost most of it
    seed: int = 1
    save_seconds: float = 180.0


class _Stream(IterableDataset[Batch]):
    """Lets a worker process make the batches while the networks compute."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __iter__(self) -> Any:
        return iter(self._batches)


class Trainer:
    """Holds what a run changes: weights, optimiser, elapsed time."""

    def __init__(self, plan: Plan, model: Transducer, teacher: Encoder, checkpoint: Path) -> None:
        self.plan, self.model, self.teacher, self.checkpoint = plan, model, teacher, checkpoint
        encoder = list(model.encoder.parameters())
        decoder = list(model.decoder.parameters())
        own = {id(parameter) for parameter in encoder + decoder}
        heads = [item for item in model.parameters() if id(item) not in own]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": encoder, "peak": plan.encoder_rate},
                {"params": decoder, "peak": plan.decoder_rate},
                {"params": heads, "peak": plan.head_rate},
            ],
            lr=0.0,
            fused=True,
            betas=(0.9, 0.98),
            weight_decay=0.01,
        )
        self.step, self.elapsed, self.heard = 0, 0.0, 0.0  # steps, seconds, seconds of audio
        if checkpoint.exists():
            self._resume()

    def _resume(self) -> None:
        saved = torch.load(self.checkpoint, weights_only=True)
        if saved["shape"] != self.model.shape.as_dict():
            raise ValueError(
                f"{self.checkpoint}: made with shape {saved['shape']}, this run has "
                f"{self.model.shape.as_dict()}: name another checkpoint"
            )
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.elapsed, self.heard = saved["step"], saved["elapsed"], saved["heard"]

    def save(self) -> None:
        """Write the checkpoint atomically."""
        state = {
            "shape": self.model.shape.as_dict(), "plan": asdict(self.plan),
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "step": self.step, "elapsed": self.elapsed, "heard": self.heard,
        }  # fmt: skip
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.checkpoint)

    def run(self, batches: Batches, log: Path) -> None:
        """Train until the plan's time is spent."""
        loader = DataLoader(_Stream(batches), batch_size=None, num_workers=1, prefetch_factor=4)
        last, saved = time.monotonic(), time.monotonic()
        with log.open("a", encoding="utf-8") as out:
            for batch in loader:
                losses = self._train_step(batch)
                now = time.monotonic()
                self.elapsed, last = self.elapsed + now - last, now
                self.step, self.heard = self.step + 1, self.heard + batch.seconds
                row = {"step": self.step, "elapsed": round(self.elapsed, 1),
                       "heard_hours": round(self.heard / 3600, 3), **losses}  # fmt: skip
                print(json.dumps(row), file=out, flush=True)
                if self.step % 20 == 0:
                    print(row, flush=True)
                if now - saved > self.plan.save_seconds:
                    self.save()
                    saved = now
                if self.elapsed > self.plan.minutes * 60:
                    break
        self.save()

    def _rates(self, warm: bool) -> None:
        done = min(1.0, self.elapsed / (self.plan.minutes * 60))
        rise = min(1.0, max(0, self.step - self.plan.warm_steps) / 200)
        shape = min(1.0, (1.0 - done) / self.plan.decay)
        *pretrained, heads = self.optimizer.param_groups
        for group in pretrained:
            group["lr"] = 0.0 if warm else group["peak"] * shape * rise
        heads["lr"] = heads["peak"] * shape * min(1.0, (self.step + 1) / 100)

    def _train_step(self, batch: Batch) -> dict[str, float]:
        warm = self.step < self.plan.warm_steps
        self._rates(warm)
        with torch.autocast("cpu", torch.bfloat16):
            losses = self._losses(batch, warm)
        total = (
            losses.get("transducer", torch.zeros(()))
            + self.plan.attention * losses.get("attention", torch.zeros(()))
            + (1.0 if warm else self.plan.ctc) * losses["ctc"]
            + self.plan.distance * losses.get("distance", torch.zeros(()))
        )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        if torch.isfinite(norm):
            self.optimizer.step()
        return {name: round(value.item(), 4) for name, value in losses.items()} | {
            "norm": round(float(norm), 3)
        }

    def _losses(self, batch: Batch, warm: bool) -> dict[str, Tensor]:
        # Now and then from a later position, across the wrap too: long recordings get there. More
        # often would cost what Whisper knows: its frames depend on the position.
        shape = self.model.shape
        offset = int(torch.randint(shape.positions, ())) if torch.rand(()) < 0.08 else 0
        with torch.set_grad_enabled(not warm):
            encoded = self.model.encoder(batch.features, offset=offset)
        frames, counts = after_wake_word(self.model.frames(encoded), batch)
        log_probs = self.model.ctc(frames).float().log_softmax(-1)
        ctc = functional.ctc_loss(
            log_probs.transpose(0, 1), batch.targets, counts, batch.tokens,
            blank=BLANK, reduction="none", zero_infinity=True,
        )  # fmt: skip
        tokens = batch.tokens.sum().clamp(min=1)
        losses = {"ctc": ctc.sum() / tokens}
        if warm:
            return losses
        losses["transducer"] = self._transducer(frames, counts, batch)
        losses["attention"] = self._attention(encoded, batch)
        if batch.clean is None:
            return losses
        with torch.no_grad():
            goal = self.teacher(batch.clean, chunked=False, offset=offset).float()
        heard = torch.arange(encoded.shape[1]) < (batch.frames * STACK)[:, None]
        gap = ((encoded.float() - goal) ** 2)[heard].mean()
        losses["distance"] = gap / goal[heard].var()
        return losses

    def _transducer(self, frames: Tensor, counts: Tensor, batch: Batch) -> Tensor:
        """Return the loss of as many utterances as `nodes` allows, in nats a token."""
        nodes = counts * (batch.tokens + 1)
        order = torch.randperm(len(nodes))
        count = int((nodes[order].cumsum(0) <= self.plan.nodes).sum())
        chosen = order[: max(1, count)]
        tokens = batch.tokens[chosen]
        frames = frames[chosen, : int(counts[chosen].max())]
        targets = batch.targets[chosen, : max(1, int(tokens.max()))]
        predictions = self.model.predictions(contexts_of(targets))
        blank, emit = node_scores(frames, predictions, self.model.output, targets)
        loss = transducer_loss(blank, emit, counts[chosen], tokens, self.plan.fast_emit)
        return loss.sum() / tokens.sum().clamp(min=1)

    def _attention(self, encoded: Tensor, batch: Batch) -> Tensor:
        """Return the cross entropy of the second pass, in nats a piece, its end among them."""
        place = torch.arange(encoded.shape[1])[None]
        heard = (place >= batch.skipped[:, None] * STACK) & (place < batch.frames[:, None] * STACK)
        logits = self.model.decoder(encoded, heard, batch.pieces).float()
        goals = functional.pad(batch.pieces, (0, 1))
        goals[torch.arange(goals.shape[1])[None] > batch.piece_counts[:, None]] = -100
        return functional.cross_entropy(
            logits.flatten(0, 1), goals.flatten(), label_smoothing=self.plan.smoothing
        )


def after_wake_word(frames: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Drop each utterance's first `skipped` frames; return (frames, count of each)."""
    counts = batch.frames - batch.skipped
    where = torch.arange(int(counts.max()))[None] + batch.skipped[:, None]
    where = where.clamp(max=frames.shape[1] - 1)
    return frames.gather(1, where[..., None].expand(-1, -1, frames.shape[2])), counts


def train(
    data: Path,
    whisper: Path,
    vocabulary: Path,
    pieces: Path,
    out: Path,
    plan: Plan,
    threads: int,
    start: Path | None = None,
) -> None:
    """Run or resume one plan; the checkpoint is `out/checkpoint.pt`, the log `out/log.jsonl`.

    With `start`, weights of an earlier run of the same vocabularies, there is nothing to warm up.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(plan.seed)
    out.mkdir(parents=True, exist_ok=True)
    tokenizers = Tokenizer.load(vocabulary), Tokenizer.load(pieces)
    model = Transducer(Shape(vocabulary=len(tokenizers[0]), pieces=len(tokenizers[1])))
    model.encoder.load_whisper(read_part(whisper, "encoder"))
    model.decoder.load_whisper(
        read_part(whisper, "decoder"), sources(pieces, read_tokens(whisper))
    )
    teacher = copy.deepcopy(model.encoder).eval().requires_grad_(False)
    if start is not None:
        model.load_state_dict(load_weights(start))
        plan = replace(plan, warm_steps=0)
    trainer = Trainer(plan, model, teacher, out / "checkpoint.pt")
    speech = [clip for name in SPEECH for clip in read_set(data, name, "train")]
    prefixes = [clip for name in ("wake_words", "words_custom")
                for clip in read_set(data, name, "train")]  # fmt: skip
    backgrounds = [clip for name in BACKGROUND for clip in read_set(data, name, "train")]
    clips = [clip for clip in speech if clip.text]
    hours = sum(len(clip.samples) for clip in clips) / 16000 / 3600
    print(f"{len(clips)} clips, {hours:.1f} h; {len(backgrounds)} backgrounds", flush=True)
    # A resumed run must not hear the same utterances again.
    batches = Batches(clips, prefixes, backgrounds, tokenizers, plan.batch_seconds,
                      plan.seed + trainer.step, plan.distance_share)  # fmt: skip
    trainer.run(batches, out / "log.jsonl")
