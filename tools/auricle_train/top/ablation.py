"""Word errors and lost first or last words of tops, per set and search, and their differences.

In: tops and cached dev clips. Out: rates with 95 % bootstrap intervals over utterances. Differences
between two tops are paired: they compare the same utterances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from auricle.tokenizer import BLANK, Tokenizer
from auricle_train.models.top import Top
from auricle_train.text.word_errors import RESAMPLES, Errors, compare, score, share
from auricle_train.top.data import Example, batch_of, grouped
from auricle_train.top.evaluation import collapsed
from auricle_train.top.nbest import BeamOptions, Hypothesis, nbest
from auricle_train.top.training import after_skipped
from auricle_train.training.precision import computing

SEARCHES = ("ctc", "greedy", "beam", "beam+ctc")
"""Greedy CTC; greedy transducer; transducer beam search; the same rescored with CTC."""
BATCH_SECONDS = 120.0
ALL = "all"  # all sets together

Found = dict[str, dict[str, list[Errors]]]  # by search, then set; in the order of the clips


@torch.no_grad()
def recognised(
    top: Top, examples: Sequence[Example], tokenizer: Tokenizer,
    options: BeamOptions, ctc_share: float, limit: int | None = None,
) -> Found:  # fmt: skip
    """Return the errors of each clip per search and set.

    Args:
        top: top in evaluation mode.
        examples: dev clips; those without words are skipped.
        tokenizer: tokenizer of the first pass.
        options: options of the beam search.
        ctc_share: CTC's share of the score in `beam+ctc`.
        limit: clips per set, evenly spaced; None: all.
    """
    chosen = _chosen(examples, limit)
    lengths = [item.seconds for item in chosen]
    order = sorted(range(len(chosen)), key=lengths.__getitem__)
    errors: dict[int, dict[str, Errors]] = {}
    for group in grouped(order, lengths, BATCH_SECONDS):
        members = [chosen[number] for number in group]
        for number, texts in zip(
            group, _searched(top, members, options, ctc_share), strict=True
        ):  # fmt: skip
            reference = chosen[number].utterance.text
            errors[number] = {kind: compare(reference, tokenizer.decode(list(tokens)))
                              for kind, tokens in texts.items()}  # fmt: skip
    found: Found = {kind: {} for kind in SEARCHES}
    for number, item in enumerate(chosen):
        for kind in SEARCHES:
            for name in (item.utterance.source, ALL):
                found[kind].setdefault(name, []).append(errors[number][kind])
    return found


def _chosen(examples: Sequence[Example], limit: int | None) -> list[Example]:
    sets: dict[str, list[Example]] = {}
    for item in examples:
        if item.tokens:
            sets.setdefault(item.utterance.source, []).append(item)
    found = []
    for clips in sets.values():
        count = min(limit or len(clips), len(clips))
        found += [clips[number * len(clips) // count] for number in range(count)]
    return found


def _searched(
    top: Top, examples: Sequence[Example], options: BeamOptions, ctc_share: float
) -> list[dict[str, tuple[int, ...]]]:
    """Return the best tokens per search for each clip, decoded as one batch."""
    device = top.output.weight.device
    batch = batch_of(examples).to(device)
    with computing(device):
        encoded = top.encode(batch.stacked).float()
    encoded, frames = after_skipped(encoded, batch)
    log_probs = top.ctc_log_probs(encoded)
    best = log_probs.argmax(-1)
    greedy = nbest(top, encoded, frames, BeamOptions(1, options.symbols))
    found = []
    for row, hypotheses in enumerate(nbest(top, encoded, frames, options)):
        count = int(frames[row])
        ctc = _ctc_scores(log_probs[row, :count], hypotheses)
        joint = [(1.0 - ctc_share) * one.score + ctc_share * other
                 for one, other in zip(hypotheses, ctc, strict=True)]  # fmt: skip
        found.append({
            "ctc": tuple(collapsed(best[row, :count].tolist())),
            "greedy": greedy[row][0].tokens,
            "beam": hypotheses[0].tokens,
            "beam+ctc": hypotheses[int(np.argmax(joint))].tokens,
        })  # fmt: skip
    return found


def _ctc_scores(log_probs: torch.Tensor, hypotheses: Sequence[Hypothesis]) -> list[float]:
    """Return the CTC log probability of each hypothesis; -inf if it cannot be aligned."""
    counts = torch.tensor([len(one.tokens) for one in hypotheses])
    targets = torch.zeros(len(hypotheses), max(1, int(counts.max())), dtype=torch.int64)
    for row, one in enumerate(hypotheses):
        targets[row, : len(one.tokens)] = torch.tensor(one.tokens, dtype=torch.int64)
    every = log_probs[:, None].expand(-1, len(hypotheses), -1)
    frames = torch.full((len(hypotheses),), len(log_probs))
    found = -functional.ctc_loss(every, targets.to(every.device), frames, counts, blank=BLANK,
                                 reduction="none")  # fmt: skip
    return [float(value) for value in found]


def measured(found: Found) -> dict[str, dict[str, Any]]:
    """Return word error rate and shares of clips with a lost first or last word."""
    return {
        kind: {
            name: asdict(score(errors)) | {
                "first_lost": asdict(share(one.first_lost for one in errors)),
                "last_lost": asdict(share(one.last_lost for one in errors)),
            }
            for name, errors in sets.items()
        }
        for kind, sets in found.items()
    }  # fmt: skip


def compared(before: Found, after: Found, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return the differences per search and set: after minus before, below 0 is better."""
    return {
        kind: {name: _difference(before[kind][name], errors, seed) for name, errors in sets.items()}
        for kind, sets in after.items()
    }


def _difference(before: Sequence[Errors], after: Sequence[Errors], seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(after), (RESAMPLES, len(after)))
    words = np.array([one.words for one in after], np.float64)
    errors = np.array([one.errors - other.errors for one, other in zip(after, before, strict=True)])
    clips = np.ones(len(after))
    lost = {
        name: np.array([float(getattr(one, name)) - float(getattr(other, name))
                        for one, other in zip(after, before, strict=True)])
        for name in ("first_lost", "last_lost")
    }  # fmt: skip
    return {
        "utterances": len(after),
        "words": int(words.sum()),
        **_interval(errors, words, drawn),
    } | {name: _interval(values, clips, drawn) for name, values in lost.items()}


def _interval(values: np.ndarray, weights: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    ratios = values[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return {"rate": float(values.sum() / weights.sum()), "low": float(low), "high": float(high)}


def table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the results of `measured` or `compared` as a Markdown table, in percent."""
    lines = [
        "| set | search | WER, % | first word lost, % | last word lost, % |",
        "|---|---|---|---|---|",
    ]
    names = list(dict.fromkeys(name for sets in figures.values() for name in sets))
    for name in names:
        for kind, sets in figures.items():
            one = sets[name]
            cells = (_percent(part) for part in (one, one["first_lost"], one["last_lost"]))
            lines.append(f"| {name} ({one['utterances']}) | {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _percent(part: Mapping[str, float]) -> str:
    return f"{100 * part['rate']:.1f} [{100 * part['low']:.1f}, {100 * part['high']:.1f}]"
