"""Batched beam search over the top's transducer, without a language model.

In: search frames. Out: token sequences, each with its log probability summed over the alignments
that the search kept. The search is frame-synchronous; a hypothesis may emit a few tokens per frame.
Hypotheses with equal tokens are merged. Saon et al. (ICASSP 2020, alignment-length synchronous
decoding) discuss both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from auricle.tokenizer import BLANK
from auricle_train.models.top import Top

NEVER = -1e9  # log probability of an empty place in the beam
MULTIPLIER = 6364136223846793005  # of Knuth's MMIX generator; hashes of token sequences


@dataclass(frozen=True)
class BeamOptions:
    """Options of the beam search."""

    beam: int = 4  # hypotheses kept after each frame
    symbols: int = 3  # maximum tokens per frame

    def as_dict(self) -> dict[str, int]:
        """Return the options by name."""
        return {"beam": self.beam, "symbols": self.symbols}


class Hypothesis(NamedTuple):
    """One hypothesis for an utterance."""

    tokens: tuple[int, ...]
    score: float  # natural log probability, summed over alignments


@dataclass(frozen=True)
class _Beam:
    """Hypotheses of several utterances; all tensors are (batch, places, ...)."""

    scores: Tensor  # float32
    hashes: Tensor  # int64 hash of the tokens
    tokens: Tensor  # (batch, places, longest) int64, starting with two blanks
    counts: Tensor  # int64, number of tokens without the two blanks

    def at(self, where: Tensor, scores: Tensor) -> _Beam:
        """Return the places with indices `where` (batch, any), with new scores."""
        tokens = self.tokens.gather(1, where[..., None].expand(-1, -1, self.tokens.shape[2]))
        return _Beam(scores, self.hashes.gather(1, where), tokens, self.counts.gather(1, where))

    def first(self, count: int) -> _Beam:
        """Return the first `count` utterances."""
        return _Beam(
            self.scores[:count], self.hashes[:count], self.tokens[:count], self.counts[:count]
        )

    def contexts(self) -> Tensor:
        """Return the last two tokens of each hypothesis, (batch, places, 2)."""
        where = self.counts[..., None] + torch.arange(2, device=self.counts.device)
        return self.tokens.gather(2, where)


@torch.no_grad()
def nbest(
    top: Top, encoded: Tensor, frames: Tensor, options: BeamOptions = BeamOptions()
) -> list[list[Hypothesis]]:
    """Return at most `beam` different hypotheses of each utterance, best first.

    Args:
        top: top in evaluation mode.
        encoded: (batch, n, width) output of `Top.encode` without the skipped frames.
        frames: (batch,) int64, frames of each utterance, at least 1.
        options: width of the search.
    """
    order = frames.argsort(descending=True)
    counts = frames[order].tolist()
    projected = top.project(encoded[order]).float()
    beam = _empty(len(counts), options.beam, projected)
    found: list[list[Hypothesis]] = [[] for _ in counts]
    for number in range(counts[0]):
        active = sum(count > number for count in counts)
        _collect(beam, active, order, found)
        beam = _step(top, projected[:active, number], beam.first(active), options)
    _collect(beam, 0, order, found)
    return found


def _empty(batch: int, places: int, projected: Tensor) -> _Beam:
    scores = projected.new_full((batch, places), NEVER)
    scores[:, 0] = 0.0
    zeros = torch.zeros(batch, places, dtype=torch.int64, device=projected.device)
    tokens = zeros.new_full((batch, places, projected.shape[1] + 2), BLANK)
    return _Beam(scores, zeros, tokens, zeros)


def _step(top: Top, frame: Tensor, beam: _Beam, options: BeamOptions) -> _Beam:
    """Return the beam after one frame, (batch, joint)."""
    places = options.beam
    ended: list[_Beam] = []
    for symbol in range(options.symbols + 1):
        predictions = top.predictions(beam.contexts())
        scores = top.joint(frame[:, None], predictions).float().log_softmax(-1)
        blanks = (beam.scores + scores[..., BLANK]).clamp(min=NEVER)
        ended.append(_Beam(blanks, beam.hashes, beam.tokens, beam.counts))
        if symbol == options.symbols:
            break
        beam = _extended(beam, scores, places)
        pooled = torch.cat([item.scores for item in ended], dim=1)
        worst = pooled.topk(places, dim=1).values[:, -1]
        if bool((beam.scores[:, 0] < worst).all()):
            break
    return _merged(ended, places)


def _extended(beam: _Beam, scores: Tensor, places: int) -> _Beam:
    """Return the best one-token extensions; scores are (batch, places, tokens)."""
    full = beam.counts + 2 >= beam.tokens.shape[2]
    longer = beam.scores[..., None] + scores
    longer[..., BLANK] = NEVER
    longer = longer.masked_fill(full[..., None], NEVER).clamp(min=NEVER)
    best, index = longer.flatten(1).topk(places, dim=1)
    token = index % scores.shape[2]
    found = beam.at(index.div(scores.shape[2], rounding_mode="floor"), best)
    where = (found.counts + 2).clamp(max=found.tokens.shape[2] - 1)[..., None]
    tokens = found.tokens.scatter(2, where, token[..., None])
    counts = (found.counts + 1).clamp(max=found.tokens.shape[2] - 2)
    return _Beam(best, found.hashes * MULTIPLIER + token + 1, tokens, counts)


def _merged(parts: list[_Beam], places: int) -> _Beam:
    """Return the best hypotheses of several beams; equal token sequences are merged."""
    scores, hashes, tokens, counts = (
        torch.cat([getattr(part, name) for part in parts], dim=1)
        for name in ("scores", "hashes", "tokens", "counts")
    )
    same = hashes[:, :, None] == hashes[:, None, :]
    repeated = (same & torch.ones_like(same[0]).tril(-1)).any(-1)
    total = scores[:, None].expand(same.shape).masked_fill(~same, NEVER).logsumexp(-1)
    best, where = total.masked_fill(repeated, NEVER).clamp(min=NEVER).topk(places, dim=1)
    return _Beam(scores, hashes, tokens, counts).at(where, best)


def _collect(beam: _Beam, active: int, order: Tensor, found: list[list[Hypothesis]]) -> None:
    """Store the hypotheses of the utterances from row `active` on, which have ended."""
    for row in range(active, len(beam.scores)):
        seen: dict[tuple[int, ...], float] = {}
        for score, tokens, count in zip(
            beam.scores[row].tolist(), beam.tokens[row].tolist(), beam.counts[row].tolist(),
            strict=True,
        ):  # fmt: skip
            if score > NEVER / 2:
                seen.setdefault(tuple(tokens[2 : 2 + count]), score)
        found[int(order[row])] = [Hypothesis(*item) for item in seen.items()]
