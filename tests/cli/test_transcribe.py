"""`auricle transcribe`, as a person or a program calls it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE, Samples
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
    "segments",
]


def transcribe(*words: str | Path, piped: bytes | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command; `piped` is its standard input."""
    done = subprocess.run(
        [*AURICLE, "transcribe", *words], capture_output=True, input=piped, check=False
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what Auricle itself says on standard error."""
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
    assert " ".join(segment["text"] for segment in found["segments"]) == found["text"]
    for segment in found["segments"]:
        assert list(segment) == ["text", "start", "end", "speculative", "revised", "final"]
        assert segment["final"]["text"] == segment["text"]
        assert 0 <= segment["start"] <= segment["end"]


def repeated(recordings: dict[str, Recording], pauses: Sequence[float]) -> Samples:
    """Return a sentence once before each pause, in seconds."""
    clip = read_recording(recordings["must_sleep"].path)
    parts = [part for pause in pauses
             for part in (clip, np.zeros(round(pause * SAMPLE_RATE), np.int16))]  # fmt: skip
    return np.concatenate(parts)


def test_a_long_recording_is_transcribed_to_its_end(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    file = tmp_path / "long.wav"
    pauses = (1, 8, 2, 12, 1)  # longer than a session waits for speech
    soundfile.write(file, repeated(recordings, pauses), SAMPLE_RATE)
    sentence = recordings["must_sleep"].text
    (found,) = objects(transcribe("--json", file))
    check_form(found)
    assert found["text"] == " ".join([sentence] * len(pauses))
    assert [segment["text"] for segment in found["segments"]] == [sentence] * len(pauses)
    assert found["final"]["time"] > found["words"][-1]["end"] > 20
    assert found["seconds"] == pytest.approx(soundfile.info(file).duration, abs=0.02)
    assert len({one["text"] for one in found["nbest"]}) == len(found["nbest"]) > 1
    lines = transcribe("--format", "txt", file).stdout.splitlines()
    assert lines == [sentence] * len(pauses)
    assert transcribe(file).stdout == f"{file}: {found['text']}\n"


def test_the_written_style_has_capitals_and_punctuation(recordings: dict[str, Recording]) -> None:
    path, written = recordings["must_sleep"].path, "You must sleep, he urged."
    (found,) = objects(transcribe("--json", "--style", "written", path))
    assert list(found) == [*KEYS, "written"]
    assert (found["text"], found["written"]) == ("you must sleep he urged", written)
    assert [segment["written"] for segment in found["segments"]] == [written]
    assert transcribe("--style", "written", path).stdout == f"{path}: {written}\n"
    assert written in transcribe("--style", "written", "--format", "vtt", path).stdout


def test_the_text_comes_before_the_recording_ends(recordings: dict[str, Recording]) -> None:
    sound = repeated(recordings, (2,)).tobytes()
    command = [*AURICLE, "transcribe", "--format", "txt", "--raw", "16000", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(sound)
        running.stdin.flush()
        assert running.stdout.readline().decode().strip() == recordings["must_sleep"].text
        running.stdin.close()  # only now does the recording end
        assert running.wait() == 0


def test_standard_input_is_a_recording(recordings: dict[str, Recording], tmp_path: Path) -> None:
    file = tmp_path / "sentence.wav"
    soundfile.write(file, repeated(recordings, (1,)), SAMPLE_RATE)
    (found,) = objects(transcribe("--json", "-", piped=file.read_bytes()))
    assert (found["file"], found["text"]) == ("-", recordings["must_sleep"].text)
    flac = transcribe("-", piped=b"fLaC" + bytes(100))
    assert flac.returncode == 1
    assert "save the audio to a file" in told(flac)[0]


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_subtitles(recordings: dict[str, Recording], tmp_path: Path, form: str) -> None:
    sentence, noise = recordings["must_sleep"], recordings["rain"]
    printed = transcribe("--format", form, sentence.path)
    assert sentence.text in printed.stdout
    assert " --> 00:00:01" in printed.stdout
    folder = tmp_path / "subtitles"
    done = transcribe("--format", form, "--output", folder, sentence.path, noise.path)
    assert (done.returncode, done.stdout) == (0, "")
    assert (folder / f"must_sleep.{form}").read_text(encoding="utf-8") == printed.stdout
    refused = transcribe("--format", form, sentence.path, noise.path)
    assert refused.returncode == 2
    assert f"--format {form}: several recordings need --output DIR" in refused.stderr


def test_a_terminal_shows_progress_and_each_text_on_its_own_line(
    recordings: dict[str, Recording], tmp_path: Path
) -> None:
    file = tmp_path / "long.wav"
    soundfile.write(file, repeated(recordings, (1, 1)), SAMPLE_RATE)
    shown = on_terminal(*AURICLE, "transcribe", str(file))
    assert "long.wav: 0:00:0" in shown
    assert "x real time" in shown
    sentence = recordings["must_sleep"].text
    assert f"{file}: {sentence}\r\n" in shown
    assert f"  {sentence}\r\n" in shown


def on_terminal(*command: str) -> str:
    """Run a command on a pseudo-terminal; return what it shows."""
    leader, follower = pty.openpty()
    shown = b""
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower):
        os.close(follower)
        while True:
            try:
                shown += os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
    os.close(leader)
    return shown.decode()


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


@pytest.mark.parametrize(
    ("given", "content"),
    [
        ("media={}", "McVeigh\nBatcave\n"),
        ("media={}", "[McVeigh, Batcave]\n"),
        ("media={}", "media: [McVeigh]\ncontacts: []\n"),
        ("{}", "McVeigh\nBatcave\n"),
        ("{}", "- McVeigh\n"),
    ],
)
def test_names_come_in_every_form_of_context_set(
    recordings: dict[str, Recording], tmp_path: Path, given: str, content: str
) -> None:
    file, sentence = tmp_path / "names", recordings["mcveigh"]
    file.write_text(content, encoding="utf-8")
    (found,) = objects(transcribe("--json", "--context", given.format(file), sentence.path))
    kind = "media" if given.startswith("media") else "contacts"
    assert [(name["kind"], name["written"]) for name in found["names"]] == [(kind, "McVeigh")]


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


@pytest.mark.parametrize("given", ["x", "0", "1.5", "101", "²"])
def test_an_error_names_the_option_and_its_wrong_number(given: str) -> None:
    done = transcribe("--nbest", given, "a.wav")
    assert done.returncode == 2
    assert (
        f"argument --nbest: '{given}' is not a number of hypotheses; give a whole number from"
        in (done.stderr)
    )


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
