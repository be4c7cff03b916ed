"""`make fuzz` finds a planted mistake, keeps the input, and tells how to repeat it."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from fuzzing.engines import has_atheris, run_mutations
from fuzzing.mutations import LONGEST, mutants
from fuzzing.targets import Target, find_targets
from testbed.import_path import import_path

ROOT = Path(__file__).parents[2]
BUGGY = """
def fuzz_one(data: bytes) -> None:
    if b"[" in data and data.count(b"]") > 2:
        raise IndexError(data)
"""
SOUND = "def fuzz_one(data: bytes) -> None:\n    pass\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two targets and one corpus."""
    (tmp_path / "test_buggy.py").write_text(BUGGY)
    (tmp_path / "test_sound.py").write_text(SOUND)
    (tmp_path / "test_other.py").write_text("def test_nothing() -> None: ...\n")
    (tmp_path / "corpus" / "buggy").mkdir(parents=True)
    (tmp_path / "corpus" / "buggy" / "lists").write_bytes(b"[1, [2], [3]")
    return tmp_path


def test_targets_are_the_modules_that_define_fuzz_one(folder: Path) -> None:
    targets = find_targets(folder)
    assert set(targets) == {"buggy", "sound"}
    assert [path.name for path in targets["buggy"].inputs()] == ["lists"]
    assert targets["sound"].inputs() == []


def test_random_mutations_find_a_mistake_and_keep_its_input_once(
    folder: Path, tmp_path: Path
) -> None:
    target = find_targets(folder)["buggy"]
    recorder = run_mutations(target, 2.0, tmp_path / "found", seed=1)
    (file,) = (tmp_path / "found").iterdir()
    assert recorder.calls > 100
    assert file.name.startswith("failure-")
    with pytest.raises(IndexError):
        target.load()(file.read_bytes())


def test_sound_target_has_no_failures(folder: Path, tmp_path: Path) -> None:
    recorder = run_mutations(find_targets(folder)["sound"], 0.2, tmp_path / "found", seed=1)
    assert not recorder.files
    assert not (tmp_path / "found").exists()


def test_equal_seeds_give_equal_mutants_of_bounded_length() -> None:
    corpus = [b"abc" * 100, b"\x00" * LONGEST]
    first, second = (list(itertools.islice(mutants(corpus, 7), 500)) for _ in range(2))
    assert first == second
    assert len(set(first)) > 400
    assert max(map(len, first)) <= LONGEST


def test_an_input_is_repeated_without_catching_its_error(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"{}")
    command = [sys.executable, "-m", "fuzzing", "--target", "lattice_files", "--input"]
    done = subprocess.run(
        [*command, str(tmp_path / "input")],
        env={"PYTHONPATH": import_path(), "PATH": "/usr/bin:/bin"},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("target", find_targets().values(), ids=lambda target: target.name)
def test_each_target_has_seeds(target: Target) -> None:
    assert target.inputs()


@pytest.mark.skipif(not has_atheris(), reason="atheris is not installed")
def test_atheris_runs_a_target_and_counts_its_inputs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fuzzing", "--target", "lattice_files", "--minutes", "0.05"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "lattice_files: " in done.stdout


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("fuzz", "MINUTES=3", "TARGET=x"), "-m fuzzing --minutes 3 --target x"),
        (("fuzz", "MINUTES=3"), "-m fuzzing --minutes 3"),
        (("soak", "HOURS=24"), "-m soak --hours 24"),
        (
            ("hostile", "CALLS=9", "INPUTS=8", "KILLS=7"),
            "-m hostile --calls 9 --inputs 8 --kills 7",
        ),
    ],
)
def test_make_passes_its_variables_on(words: tuple[str, ...], command: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *words], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert command in " ".join(done.stdout.replace("\\\n", " ").split())
