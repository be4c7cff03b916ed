"""`auricle transcribe`, as a person or a program calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from auricle.lattice.formats import from_json
from testbed.recordings import Recording

AURICLE = (sys.executable, "-m", "auricle.cli.main")
KEYS = [
    "file",
    "seconds",
    "text",
    "nbest",
    "words",
    "names",
    "partials",
    "speculative",
    "revised",
    "final",
    "intent",
    "compute_seconds",
]


def transcribe(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AURICLE, "transcribe", *words], capture_output=True, text=True, check=False
    )


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what Auricle itself says on standard error, where the runtime chatters too."""
    return [line for line in done.stderr.splitlines() if line.startswith("auricle: ")]


def check_partials(partials: list[dict[str, Any]]) -> None:
    """Assert that partial results have the promised keys and types, and come in order."""
    assert all(list(partial) == ["text", "time", "settled"] for partial in partials)
    assert all(isinstance(partial["settled"], int) for partial in partials)
    assert all(0 <= partial["settled"] <= len(partial["text"].split()) for partial in partials)
    assert [partial["time"] for partial in partials] == sorted(p["time"] for p in partials)
    told = [(partial["text"], partial["settled"]) for partial in partials]
    assert all(before != after for before, after in pairwise(told))


def check_form(found: dict[str, Any]) -> None:
    """Assert that an object has exactly the keys and types that the design promises."""
    assert list(found) == KEYS
    assert all(isinstance(found[key], float) for key in ("seconds", "compute_seconds"))
    assert [list(reading) for reading in found["nbest"]] == [["text", "score"]] * len(
        found["nbest"]
    )
    assert [list(word) for word in found["words"]] == [
        ["word", "start", "end", "confidence"] for _ in found["words"]
    ]
    assert found["text"] == " ".join(word["word"] for word in found["words"])
    assert all(0 <= word["confidence"] <= 1 for word in found["words"])
    assert all(0 <= word["start"] <= word["end"] for word in found["words"])
    check_partials(found["partials"])
    assert found["speculative"] is None or list(found["speculative"]) == ["text", "time"]
    assert isinstance(found["revised"], bool)
    assert list(found["final"]) == ["text", "time"]
    assert found["final"]["text"] == found["text"]
    assert found["intent"] is None


def test_each_recording_is_one_object_and_its_lattices(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    sentence, noise = recordings["must_sleep"].path, recordings["rain"].path
    copy = tmp_path / "must_sleep.opus"
    copy.symlink_to(sentence)
    folder = tmp_path / "new" / "lattices"
    done = transcribe("--json", "--nbest", "2", "--lattice", folder, sentence, noise, copy)
    assert done.returncode == 0
    found = objects(done)
    for each in found:
        check_form(each)
    assert [each["file"] for each in found] == [str(sentence), str(noise), str(copy)]
    assert found[0]["seconds"] == pytest.approx(recordings["must_sleep"].seconds, abs=0.02)
    assert len(found[0]["nbest"]) <= 2
    assert found[0]["nbest"] == found[2]["nbest"]
    names = ["must_sleep", "rain", "must_sleep-2"]
    endings = ["dot", "fst.txt", "json", "slf", "syms.txt"]
    assert {path.name for path in folder.iterdir()} == {
        f"{name}.{ending}" for name in names for ending in endings
    }
    for name, each in zip(names, found, strict=True):
        lattice = from_json((folder / f"{name}.json").read_text(encoding="utf-8"))
        assert lattice.best_path().text == each["text"]


def test_the_whole_recording_is_decoded_without_end_pointers(
    recordings: dict[str, Recording],
) -> None:
    done = transcribe("--json", "--no-endpoint", recordings["must_sleep"].path)
    (found,) = objects(done)
    check_form(found)
    assert found["text"]
    assert (found["speculative"], found["revised"]) == (None, False)
    assert found["final"]["time"] >= found["seconds"]


def test_the_second_pass_can_be_left_out(recordings: dict[str, Recording]) -> None:
    path = recordings["must_sleep"].path
    (configured,) = objects(transcribe("--json", path))
    (full,) = objects(transcribe("--json", "--second-pass", "full", path))
    (alone,) = objects(transcribe("--json", "--second-pass", "off", path))
    assert full["nbest"] == configured["nbest"]
    assert alone["nbest"] != configured["nbest"]
    assert transcribe("--second-pass", "twice", path).returncode == 2


def test_a_bad_recording_is_told_and_the_rest_is_done(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    missing, text = tmp_path / "missing.wav", tmp_path / "text.wav"
    text.write_text("no sound\n", encoding="utf-8")
    good = recordings["must_sleep"].path
    done = transcribe(missing, good, text)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"{good}: ")
    assert len(done.stdout.splitlines()) == 1
    first, second = told(done)
    assert first == f"auricle: {missing} does not exist; check the name"
    assert second.startswith(f"auricle: {text} is not audio")


def test_a_listed_word_is_understood_and_told_as_it_is_written(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    names, sentence = tmp_path / "names.yaml", recordings["mcveigh"]
    names.write_text("media: ['McVeigh!']\ncontacts: [Ann]\n", encoding="utf-8")
    for more in ((), ("--no-endpoint",)):
        (without,) = objects(transcribe("--json", *more, sentence.path))
        (found,) = objects(transcribe("--json", "--context", names, *more, sentence.path))
        assert without["text"] != sentence.text
        assert without["names"] == []
        assert found["text"] == sentence.text
        (name,) = found["names"]
        word = next(word for word in found["words"] if word["word"] == "mcveigh")
        assert name == {
            "kind": "media",
            "written": "McVeigh!",
            "id": "",
            "start": word["start"],
            "end": word["end"],
        }


def test_a_mistake_in_the_names_is_told_by_line(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    names = tmp_path / "names.yaml"
    names.write_text("contact: [Ann]\n", encoding="utf-8")
    done = transcribe("--context", names, recordings["go"].path)
    assert (done.returncode, done.stdout) == (1, "")
    assert told(done) == [
        f"auricle: {names}:1: contact: unknown key; the keys here are contacts, appliances, media"
    ]


def test_a_missing_model_or_folder_is_told_before_anything_is_done(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    config = tmp_path / "auricle.yaml"
    config.write_text("recognizer: {bundle: /nowhere}\n", encoding="utf-8")
    done = transcribe("--config", config, recordings["go"].path)
    assert (done.returncode, done.stdout) == (1, "")
    assert told(done)[0].startswith("auricle: recognizer.bundle: /nowhere does not exist")
    done = transcribe("--lattice", config, recordings["go"].path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot create the folder for lattices" in told(done)[0]


@pytest.mark.parametrize("words", [(), ("--nbest", "0", "a.wav"), ("--nbest", "many", "a.wav")])
def test_wrong_usage_ends_with_status_2(words: tuple[str, ...]) -> None:
    done = transcribe(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: auricle transcribe ")


def test_attention_to_names_is_drawn(tmp_path: Path, recordings: dict[str, Recording]) -> None:
    names, picture = tmp_path / "names.yaml", tmp_path / "seen.png"
    names.write_text("media: [remonstrance, batcave]\n", encoding="utf-8")
    voice = recordings["no_remonstrance"].path
    done = transcribe("--context", names, "--attention", picture, voice)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    several = transcribe("--context", names, "--attention", picture, voice, recordings["go"].path)
    assert several.returncode == 0, several.stderr
    assert (tmp_path / "seen-no_remonstrance.png").exists()
    assert (tmp_path / "seen-go.png").exists()


def test_attention_without_names_is_an_error(
    tmp_path: Path, recordings: dict[str, Recording]
) -> None:
    done = transcribe("--attention", tmp_path / "seen.png", recordings["go"].path)
    assert done.returncode == 1
    assert told(done) == [
        "auricle: --attention: there are no names, or the bundle has no context attention; give "
        "names with --context, and configure a bundle with context attention"
    ]
    where = tmp_path / "missing" / "seen.png"
    names = tmp_path / "names.yaml"
    names.write_text("media: [batcave]\n", encoding="utf-8")
    done = transcribe("--context", names, "--attention", where, recordings["go"].path)
    assert done.returncode == 1
    assert f"--attention: {where}: not written" in done.stderr
