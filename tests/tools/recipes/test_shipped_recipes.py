"""The recipes of shipped models fit the steps that they call, and read what they have made."""

from __future__ import annotations

from pathlib import Path

import pytest

from auricle_train.__main__ import build_parser
from recipes.recipe import Recipe, read_recipe

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = sorted((ROOT / "tools" / "recipes").glob("*.yaml"))


@pytest.fixture(params=SHIPPED, ids=lambda path: path.stem)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return read_recipe(request.param)


def test_there_is_a_recipe() -> None:
    assert SHIPPED


def test_each_step_takes_its_arguments(recipe: Recipe) -> None:
    called = [step.command for step in recipe.steps if step.command[2:3] == ("auricle_train",)]
    assert len(called) > len(recipe.steps) / 2
    for words in called:
        build_parser(words[3]).parse_args(words[3:])  # exits where it does not


def test_what_a_step_reads_was_made_by_one_before_it(recipe: Recipe) -> None:
    made: list[Path] = []
    for step in recipe.steps:
        for path in step.inputs:
            if path.is_relative_to(recipe.work):
                assert any(path.is_relative_to(output) for output in made), (step.name, path)
        made += step.outputs


def test_the_files_of_the_tree_are_those_of_the_recipe(recipe: Recipe) -> None:
    ours = [path for path in recipe.data if path.is_relative_to(ROOT)]
    ours = [path for path in ours if not path.is_relative_to(recipe.work)]
    assert all(path.is_file() for path in ours), ours
