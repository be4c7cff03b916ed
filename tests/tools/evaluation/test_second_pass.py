"""Weights of the second pass are tried on one decoding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from auricle.recognizer.ctc_alignment import Alignment
from auricle.recognizer.second_pass import Candidate, SecondPassOptions, _PieceHypothesis
from auricle_train.evaluation.second_pass import BEST, BOTH, FIRST, Decoded, Options, Row, grid


def candidate(text: str, attention: float, ctc: float, *, is_given: bool = False) -> Candidate:
    return Candidate(
        text=text,
        judged=_PieceHypothesis(pieces=(1,), scores=(attention,)),
        tokens=(1,),
        alignment=Alignment(ctc, (0,)),
        is_given=is_given,
        holds_together=True,
        stutters=False,
    )


def decoded(text: str, candidates: Sequence[Candidate], certainty: float = 1.0) -> Decoded:
    return Decoded(text, "lights of", candidates, certainty, 2.0, 0.1, {"peer": "light off"})


HEARD_BY_CTC = decoded(
    "lights off",
    [candidate("lights off", -5.0, -3.0, is_given=True), candidate("lads", -4.0, -9.0)],
)
HEARD_BY_ATTENTION = decoded(
    "lights on",
    [candidate("light song", -9.0, -3.0, is_given=True), candidate("lights on", -4.0, -16.0)],
)


def test_a_row_tells_the_errors_of_each_reader() -> None:
    row = Row("set", [HEARD_BY_CTC])
    scores = row.scores(SecondPassOptions(ctc_weight=0.5))
    rates = {name: one.rate for name, one in scores.items()}
    assert rates == {FIRST: 0.5, BOTH: 0.0, BEST: 0.0, "peer": 0.5}
    assert row.real_time_factor == pytest.approx(0.05)


def test_the_weight_falls_with_certainty() -> None:
    options = SecondPassOptions(ctc_weight=0.5)
    unsure = Decoded(**{**vars(HEARD_BY_CTC), "certainty": 0.1})
    assert (HEARD_BY_CTC.best(options), unsure.best(options)) == ("lights off", "lads")


def test_a_candidate_that_ctc_contradicts_is_not_chosen() -> None:
    strict, lenient = (SecondPassOptions(ctc_weight=0.0, contradiction=nats) for nats in (3.0, 8.0))
    assert HEARD_BY_ATTENTION.best(strict) == "light song"
    assert HEARD_BY_ATTENTION.best(lenient) == "lights on"


def test_without_candidates_the_first_pass_stands() -> None:
    assert decoded("lights off", []).best(SecondPassOptions()) == "lights of"


def test_the_grid_puts_the_best_weights_first() -> None:
    rows = [Row("one", [HEARD_BY_CTC]), Row("other", [HEARD_BY_ATTENTION])]
    options = Options(
        bundle=Path(), ctc_weights=(0.0, 0.3, 2.0), contradictions=(3.0, 8.0),
    )  # fmt: skip
    found = grid(rows, options)
    assert len(found) == 6
    best, scores = found[0]
    assert (best.ctc_weight, best.contradiction) == (0.3, 8.0)
    assert [one.rate for one in scores] == [0.0, 0.0]
