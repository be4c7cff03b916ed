"""What follows a result that was withdrawn, by real recordings."""

from __future__ import annotations

import pytest

from auricle.config.schema import Config
from auricle.service.assembly import budget_of, load_models, make_pipeline
from auricle_train.data.corpus import Clip
from auricle_train.evaluation.pauses import Continuation, continuations


def test_text_goes_on_from_a_withdrawn_result_after_a_pause(clips: dict[str, Clip]) -> None:
    config = Config()
    pipeline = make_pipeline(config, load_models(config, budget_of(config), wake=False))
    said = [clips["must_sleep"], clips["slightest_idea"]]
    found = continuations(pipeline, said, pause=0.3)
    assert found
    assert not any(one.shorter for one in found)


@pytest.mark.parametrize(
    ("partial", "shorter", "changed"),
    [("how are you going", False, False), ("how old are", False, True), ("how are", True, True)],
)
def test_a_partial_text_is_compared_with_what_was_withdrawn(
    partial: str, *, shorter: bool, changed: bool
) -> None:
    one = Continuation(("how", "are", "you"), tuple(partial.split()))
    assert (one.shorter, one.changed) == (shorter, changed)
