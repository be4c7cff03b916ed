"""A recipe runs from data to its last output, goes on after a failure, and says what is wrong."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from auricle_train.data.lhotse_manifests import clips_of
from recipes import records
from recipes.__main__ import main
from recipes.recipe import Recipe, RecipeError, read_recipe
from recipes.runner import Terminated, chosen, run
from recipes.stamps import sha256, stamp
from testbed.import_path import import_path
from testbed.recordings import Recording

TINY = Path(__file__).with_name("tiny.yaml")
SPOKEN = ("must_sleep", "wounded_in_the_arm")


@pytest.fixture
def recipe_file(tmp_path: Path, recordings: dict[str, Recording]) -> Path:
    """The tiny recipe with its data beside it."""
    clips = tmp_path / "data" / "clips"
    clips.mkdir(parents=True)
    rows = ["path\ttext\tspeaker\tsplit\tlicence"]
    for name in SPOKEN:
        said = recordings[name]
        shutil.copy(said.path, clips)
        rows.append(f"{said.path.name}\t{said.text}\t{said.speaker}\ttrain\t{said.licence}")
    (clips / "clips.tsv").write_text("\n".join(rows) + "\n")
    (tmp_path / "data" / "text").mkdir()
    sentence = {"text": "call ann", "split": "train", "slots": [{"name": "person", "value": "ann"}]}
    with gzip.open(tmp_path / "data" / "text" / "nlu.jsonl.gz", "wt") as file:
        file.write(json.dumps(sentence) + "\n")
    content = yaml.safe_load(TINY.read_text())
    content["data"] = {"{data}/clips/must_sleep.opus": sha256(clips / "must_sleep.opus")}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return tmp_path / "recipe.yaml"


Write = Callable[..., Recipe]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a recipe of shell commands, `output` of each named `NAME.out`, and reads it."""

    def write(commands: Mapping[str, str], **more: Any) -> Recipe:
        rows = [
            {"name": name, "command": ["sh", "-c", command], "outputs": [f"{{work}}/{name}.out"]}
            for name, command in commands.items()
        ]
        content = {"name": "small", "places": {"work": "work"}, "steps": rows} | more
        (tmp_path / "small.yaml").write_text(yaml.safe_dump(content))
        return read_recipe(tmp_path / "small.yaml")

    return write


def told_of(recipe: Recipe, **arguments: Any) -> list[str]:
    told: list[str] = []
    run(recipe, recipe.steps, told.append, **arguments)
    return [line.split(",")[0] for line in told if "took" not in line]


def test_a_recipe_of_real_steps_runs_and_is_done_the_second_time(
    recipe_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(recipe_file)]) == 0
    work = recipe_file.parent / "work"
    texts = (work / "texts.tsv").read_text().splitlines()
    assert int((work / "count").read_text()) == len(texts) == 21
    manifest = next((work / "manifest").glob("*.jsonl.gz"))
    assert {clip.text for clip in clips_of(manifest, "train")} == {
        "you must sleep he urged",
        "he was wounded in the arm",
    }
    record = json.loads((work / "records" / "texts.json").read_text())
    assert record["template"][-2:] == ["--out", "{work}/texts.tsv"]
    assert record["seconds"] > 0
    assert "21 texts" not in (work / "logs" / "texts.log").read_text()
    assert "20 texts" in (work / "logs" / "texts.log").read_text()
    capsys.readouterr()
    assert main(["run", str(recipe_file)]) == 0
    assert capsys.readouterr().out.splitlines() == ["manifest: done", "texts: done", "count: done"]


def test_another_value_reruns_what_it_concerns_and_what_follows(recipe_file: Path) -> None:
    told_of(read_recipe(recipe_file))
    other = read_recipe(recipe_file, {"seed": "6"})
    assert told_of(other) == [
        "manifest: done",
        "texts: runs",
        "count: runs",
    ]


def test_places_may_move(write: Write, tmp_path: Path) -> None:
    recipe = write({"a": "echo 1 > {work}/a.out"})
    told_of(recipe)
    shutil.copytree(tmp_path / "work", tmp_path / "elsewhere")
    moved = read_recipe(recipe.path, {"work": str(tmp_path / "elsewhere")})
    assert told_of(moved) == ["a: done"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda work: (work / "a.out").unlink(), "an output is missing or has changed"),
        (lambda work: (work / "a.out").write_text("other"), "an output is missing or has changed"),
        (lambda work: (work / "records" / "a.json").write_text("{"), "it has not been run"),
    ],
)
def test_a_step_runs_again_when_its_output_or_record_is_lost(
    write: Write, tmp_path: Path, change: Callable[[Path], object], why: str
) -> None:
    recipe = write({"a": "echo 1 > {work}/a.out"})
    told_of(recipe)
    change(tmp_path / "work")
    assert records.why_not_done(recipe, recipe.steps[0]) == why
    told_of(recipe)
    assert (tmp_path / "work" / "a.out").read_text() == "1\n"
    assert told_of(recipe) == ["a: done"]


def test_a_failed_step_is_named_and_the_next_run_goes_on_there(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mended = tmp_path / "mended"
    recipe = write({
        "first": "echo x >> {work}/first.out",
        "second": f"echo no bread >&2; test -e {mended} && touch {{work}}/second.out",
    })  # fmt: skip
    assert main(["run", str(recipe.path)]) == 1
    told = capsys.readouterr().err
    assert "step second: ended with status 1: no bread; see " in told
    assert "second.log, fix the cause and run the recipe again" in told
    mended.touch()
    assert main(["run", str(recipe.path)]) == 0
    assert (tmp_path / "work" / "first.out").read_text() == "x\n"  # once


def test_done_steps_run_again_when_they_are_asked_for(write: Write, tmp_path: Path) -> None:
    recipe = write({"a": "echo x >> {work}/a.out"})
    told_of(recipe)
    assert told_of(recipe, again=True) == ["a: runs"]
    assert (tmp_path / "work" / "a.out").read_text() == "x\nx\n"


def test_a_step_that_writes_nothing_has_failed(write: Write) -> None:
    recipe = write({"a": "true"})
    with pytest.raises(RecipeError, match=r"step a: succeeded but .*a.out is missing"):
        told_of(recipe)
    assert records.why_not_done(recipe, recipe.steps[0]) == "it has not been run"


def test_a_program_that_is_not_installed_is_named(write: Write) -> None:
    steps = [{"name": "a", "command": ["no-such-program"], "outputs": ["{work}/a"]}]
    with pytest.raises(RecipeError, match=r"step a: no-such-program cannot be run \(No such file"):
        told_of(write({}, steps=steps))


def test_data_that_is_missing_or_of_another_version_is_refused(
    write: Write, tmp_path: Path
) -> None:
    steps = [{"name": "a", "command": ["touch", "{work}/a"], "outputs": ["{work}/a"],
              "inputs": ["{work}/../wav"]}]  # fmt: skip
    data = {"{work}/../wav/one.wav": "0" * 64}
    recipe = write({}, steps=steps, data=data)
    (recipe_step,) = recipe.steps
    assert recipe.data_of(recipe_step)
    with pytest.raises(RecipeError, match=r"one.wav is missing; put it there"):
        told_of(recipe)
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav" / "one.wav").write_bytes(b"abc")
    with pytest.raises(RecipeError, match=r"has SHA-256 ba7816bf8f01\.\.\., .* expects 0000000000"):
        told_of(recipe)


def test_an_input_that_no_step_has_made_is_named(write: Write) -> None:
    steps = [{"name": "a", "command": ["true"], "outputs": ["{work}/a"], "inputs": ["{work}/b"]}]
    with pytest.raises(RecipeError, match=r"step a: its input .*/b is missing; run the step"):
        told_of(write({}, steps=steps))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"colour": 1}, r"unknown key 'colour'; known are data, name"),
        ({"places": {"data": "."}}, r"has no place 'work'"),
        ({"steps": [{"name": "a", "outputs": []}]}, r"step a: needs either step or command"),
        (
            {"steps": [{"name": "a", "command": ["{nobody}"], "outputs": []}]},
            r"{nobody} is not defined",
        ),
        ({"steps": [{"name": "a", "command": ["b"], "outputs": []}] * 2}, r"two steps are called"),
        ({"steps": ["a"]}, r"'a' is not a step"),
        ({"steps": None}, r"'steps' is missing"),
        ({"data": {"{work}/a": "abc"}}, r"has 'abc' for a SHA-256; `python -m recipes sums"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_told(
    write: Write, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        write({"a": "true"}, **more)


def test_files_that_are_no_recipes_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml cannot be read" in capsys.readouterr().err
    (tmp_path / "list.yaml").write_text("- a\n")
    assert main(["run", str(tmp_path / "list.yaml")]) == 1
    assert "is not a mapping" in capsys.readouterr().err


def test_a_part_of_a_recipe_can_be_run(write: Write) -> None:
    recipe = write({"a": "true", "b": "true", "c": "true"})
    assert [step.name for step in chosen(recipe, "b")] == ["b", "c"]
    assert [step.name for step in chosen(recipe, "", "b")] == ["a", "b"]
    with pytest.raises(RecipeError, match=r"'d' is not one of a, b, c"):
        chosen(recipe, "d")
    with pytest.raises(RecipeError, match=r"set: 'seed' is not one of work"):
        read_recipe(recipe.path, {"seed": "1"})


def test_list_and_sums_tell_what_is_there(
    recipe_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", str(recipe_file)]) == 0
    assert "texts: runs, because it has not been run" in capsys.readouterr().out
    assert main(["sums", str(recipe_file)]) == 0
    clip = recipe_file.parent / "data" / "clips" / "must_sleep.opus"
    assert capsys.readouterr().out == f"{sha256(clip)}  {clip}\n"


def test_two_runs_of_a_recipe_are_kept_apart(write: Write, tmp_path: Path) -> None:
    recipe = write({"a": "touch {work}/a.out"})
    nested = tmp_path / "nested.txt"
    inner = f"{sys.executable} -m recipes run {recipe.path} 2> {nested}; touch {{work}}/b.out"
    outer = write({"b": inner})
    told_of(outer)
    assert "another run, or a step that outlived it" in nested.read_text()


def test_sigterm_ends_the_step_as_well(write: Write, tmp_path: Path) -> None:
    said = tmp_path / "said"
    trap = f"trap 'echo saved > {said}; exit 0' TERM; touch {tmp_path}/begun; "
    recipe = write({"a": trap + "while true; do sleep 0.05; done"})
    words = [sys.executable, "-m", "recipes", "run", str(recipe.path)]
    with subprocess.Popen(words, env=os.environ | {"PYTHONPATH": import_path()}) as process:
        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 130
    assert said.read_text() == "saved\n"
    assert issubclass(Terminated, KeyboardInterrupt)


def test_one_step_stands_for_several(write: Write, tmp_path: Path) -> None:
    row = {
        "name": "say-{word}",
        "each": [{"word": "yes", "count": 2}, {"word": "no", "count": 1}],
        "command": ["sh", "-c", "echo {word} {count} > {work}/{word}"],
        "outputs": ["{work}/{word}"],
    }
    recipe = write({}, steps=[row])
    assert told_of(recipe) == ["say-yes: runs", "say-no: runs"]
    assert (tmp_path / "work" / "yes").read_text() == "yes 2\n"
    assert told_of(recipe) == ["say-yes: done", "say-no: done"]
    with pytest.raises(RecipeError, match=r"step say-\{word\}: each is a list of mappings"):
        write({}, steps=[row | {"each": {"word": "yes"}}])


def test_a_stamp_tells_content_and_names(tmp_path: Path) -> None:
    assert stamp(tmp_path / "none") == ""
    (tmp_path / "one").write_text("a")
    before = stamp(tmp_path)
    (tmp_path / "one").write_text("b")
    assert stamp(tmp_path) != before
    (tmp_path / "one").write_text("a")
    assert stamp(tmp_path) == before
    (tmp_path / "one").rename(tmp_path / "two")
    assert stamp(tmp_path) != before
