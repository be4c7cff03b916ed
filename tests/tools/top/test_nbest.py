"""The beam search that makes n-best lists finds what exhaustive search finds, with its scores."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from auricle_train.losses.transducer_loss import transducer_loss
from auricle_train.models.top import Top
from auricle_train.models.transducer import contexts_of
from auricle_train.top.evaluation import greedy
from auricle_train.top.nbest import BeamOptions, nbest
from testbed.small_top import make_top

from testbed.small_training import TOKENIZER  # isort: skip


def log_probability(top: Top, encoded: Tensor, tokens: tuple[int, ...]) -> float:
    """Return that of all alignments, by the loss over the whole grid."""
    targets = torch.tensor([tokens], dtype=torch.int64).view(1, -1)
    joint = top.joint(
        top.project(encoded)[None, :, None], top.predictions(contexts_of(targets))[:, None]
    )
    scores = joint.log_softmax(-1)
    wanted = targets[:, None, :, None].expand(-1, len(encoded), -1, 1)
    emit = scores[:, :, :-1].gather(-1, wanted)[..., 0]
    counts, lengths = torch.tensor([len(encoded)]), torch.tensor([len(tokens)])
    return -transducer_loss(scores[..., 0], emit, counts, lengths).item()


@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_a_beam_that_loses_nothing_is_exhaustive_search(seed: int) -> None:
    top, frames = make_top(seed, scale=3.0), 2
    encoded = torch.randn(frames, top.shape.width)
    every = [tokens for count in range(frames + 1)
             for tokens in product(range(1, len(TOKENIZER)), repeat=count)]  # fmt: skip
    expected = {tokens: log_probability(top, encoded, tokens) for tokens in every}
    options = BeamOptions(beam=len(every), symbols=frames)
    (found,) = nbest(top, encoded[None], torch.tensor([frames]), options)
    assert len(found) == len(every)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for tokens, score in found:
        assert score == pytest.approx(expected[tokens], abs=1e-3)


@torch.no_grad()
def test_a_small_beam_finds_likely_texts_and_never_more_than_their_probability() -> None:
    top = make_top(1, scale=6.0)
    encoded = torch.randn(6, top.shape.width)
    (found,) = nbest(top, encoded[None], torch.tensor([6]))
    assert 1 < len(found) <= 4
    assert len({one.tokens for one in found}) == len(found)
    for tokens, score in found:
        assert score <= log_probability(top, encoded, tokens) + 1e-3
    best = log_probability(top, encoded, found[0].tokens)
    assert best >= log_probability(top, encoded, tuple(greedy(top, encoded))) - 1e-3


@torch.no_grad()
def test_utterances_of_a_batch_do_not_see_each_other() -> None:
    top = make_top(2, scale=4.0)
    encoded, frames = torch.randn(3, 7, top.shape.width), torch.tensor([3, 7, 5])
    together = nbest(top, encoded, frames)
    for row, count in enumerate(frames.tolist()):
        (alone,) = nbest(top, encoded[row : row + 1, :count], frames[row : row + 1])
        # The batch's longest utterance bounds texts; so long ones may differ, the best do not.
        assert together[row][0].tokens == alone[0].tokens
        assert together[row][0].score == pytest.approx(alone[0].score, abs=1e-3)
