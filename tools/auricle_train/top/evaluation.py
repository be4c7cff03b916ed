"""Greedy word error rates of the top on cached dev clips, by CTC and by the transducer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from auricle.tokenizer import BLANK, Tokenizer
from auricle_train.models.top import Top
from auricle_train.text.word_errors import Score, compare, score
from auricle_train.top.data import Example, batch_of
from auricle_train.training.precision import computing

MOST_SYMBOLS = 4  # maximum tokens per frame
BATCH = 16


@torch.no_grad()
def greedy_rates(
    top: Top, examples: Sequence[Example], tokenizer: Tokenizer, *, transducer: bool = True
) -> dict[str, dict[str, Score]]:
    """Return the word error rate per decoder (`ctc`, `transducer`) and set."""
    training = top.training
    top.eval()
    found: dict[str, dict[str, list[tuple[str, str]]]] = {"ctc": {}}
    if transducer:
        found["transducer"] = {}
    ordered = sorted(examples, key=lambda example: example.utterance.search_frames)
    for first in range(0, len(ordered), BATCH):
        group = ordered[first : first + BATCH]
        batch = batch_of(group)
        with computing(torch.device("cpu")):
            encoded = top.encode(batch.stacked).float()
        best = top.ctc_log_probs(encoded).argmax(-1)
        for row, example in enumerate(group):
            count, source = int(batch.frames[row]), example.utterance.source
            texts = {"ctc": tokenizer.decode(collapsed(best[row, :count].tolist()))}
            if transducer:
                texts["transducer"] = tokenizer.decode(greedy(top, encoded[row, :count]))
            for kind, text in texts.items():
                found[kind].setdefault(source, []).append((example.utterance.text, text))
    top.train(training)
    return {
        kind: {
            name: score([compare(reference, text) for reference, text in pairs])
            for name, pairs in sorted(sets.items())
        }
        for kind, sets in found.items()
    }


def collapsed(best: Sequence[int]) -> list[int]:
    """Collapse a CTC label sequence: merge repeats, then drop blanks."""
    return [
        token for place, token in enumerate(best)
        if token != BLANK and (place == 0 or best[place - 1] != token)
    ]  # fmt: skip


@torch.no_grad()
def greedy(top: Top, encoded: Tensor) -> list[int]:
    """Return the tokens of a greedy transducer search over search frames (n, width)."""
    frames = top.project(encoded)
    tokens: list[int] = []
    prediction = _prediction(top, tokens)
    for frame in frames:
        for _ in range(MOST_SYMBOLS):
            token = int(top.joint(frame, prediction).argmax())
            if token == BLANK:
                break
            tokens.append(token)
            prediction = _prediction(top, tokens)
    return tokens


def _prediction(top: Top, tokens: Sequence[int]) -> Tensor:
    context = [BLANK, BLANK, *tokens][-2:]
    return top.predictions(torch.tensor(context))
