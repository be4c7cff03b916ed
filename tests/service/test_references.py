"""`auricle config check` and the daemon find the same broken references in a configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from auricle.cli.main import main
from auricle.config.locations import find_bundle
from auricle.errors import ConfigError
from auricle.service import references
from auricle.service.references import Machine
from testbed.private_bus import PrivateBus

RERANKER = "url: 'https://reranker.lan/'"
WORDS = "alexa, hey_jarvis, hey_mycroft, okay_nabu"


def missing_network(folder: Path) -> Path:
    """Return the JSON file of a wake word without its network."""
    shutil.copy(Path(__file__).parents[2] / "models" / "wake" / "alexa.json", folder)
    return folder / "alexa.json"


def copied_bundle(folder: Path) -> Path:
    copy = folder / "bundle"
    shutil.copytree(find_bundle("en-tiny"), copy)
    return copy


def damaged_bundle(folder: Path) -> Path:
    bundle = copied_bundle(folder)
    (bundle / "tokens.txt").write_text("changed", encoding="utf-8")
    return bundle


def unreadable_manifest(folder: Path) -> Path:
    bundle = copied_bundle(folder)
    (bundle / "manifest.yaml").write_text("{", encoding="utf-8")
    return bundle


def wake_bundle(folder: Path) -> Path:
    """Return a bundle of another kind."""
    return Path(__file__).parents[2] / "models" / "wake"


def token(mode: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        file = folder / "token"
        file.write_text("s3cret\n", encoding="utf-8")
        file.chmod(mode)
        return file

    return make


def nothing(folder: Path) -> Path:
    return folder / "nothing"


BAD = [  # text of the file; what MADE stands for; its line, the key, and parts of the remedy
    ("wake:\n  models:\n  - alexa\n  - computer\n", nothing, 4, "wake.models[1]: computer: ",
     ("no model computer in ", f"name one of {WORDS}")),
    ("wake: {models: [{model: computer}]}", nothing, 1, "wake.models[0]: {model: computer}: ",
     (f"name one of {WORDS}",)),
    ("wake: {models: [MADE]}", nothing, 1, "wake.models[0]: ", ("does not exist",)),
    ("wake: {models: [MADE]}", missing_network, 1, "wake.models[0]: ",
     ("alexa.tflite cannot be read (No such file or directory); install it again",)),
    ("\nrecognizer: {bundle: nothing}", nothing, 2, "recognizer.bundle: nothing: ",
     ("no model nothing in ", "name one of en-tiny, or an absolute path")),
    ("recognizer: {bundle: MADE}", nothing, 1, "recognizer.bundle: ", ("does not exist",)),
    ("recognizer: {bundle: MADE}", damaged_bundle, 1, "recognizer.bundle: ",
     ("tokens.txt: sha256 is ", "install the bundle again")),
    ("recognizer: {bundle: MADE}", unreadable_manifest, 1, "recognizer.bundle: ",
     ("manifest.yaml: ", "install the bundle again")),
    ("recognizer: {bundle: MADE}", wake_bundle, 1, "recognizer.bundle: ", ("kind is 'wake'",)),
    (f"privacy:\n  reranker:\n    {RERANKER}\n    token_file: MADE\n", nothing, 4,
     "privacy.reranker.token_file: ", ("cannot be read: No such file or directory",)),
    (f"privacy: {{reranker: {{{RERANKER}, token_file: MADE}}}}", token(0o644), 1,
     "privacy.reranker.token_file: ", ("has the mode 0644", "run `chmod 600 ")),
    (f"privacy: {{reranker: {{{RERANKER}, token_file: MADE}}}}", token(0o640), 1,
     "privacy.reranker.token_file: ", ("has the mode 0640", "run `chmod 600 ")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "make", "line", "key", "remedies"), BAD)
def test_the_check_and_the_daemon_refuse_the_same_configuration_with_the_same_words(
    text: str,
    make: Callable[[Path], Path],
    line: int,
    key: str,
    remedies: tuple[str, ...],
    bus: PrivateBus,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text(text.replace("MADE", str(make(tmp_path))), encoding="utf-8")
    assert main(["config", "check", str(file)]) == 1
    (told,) = capfd.readouterr().err.splitlines()
    assert told.startswith(f"{file}:{line}: {key}")
    for remedy in remedies:
        assert remedy in told
    assert main(["run", "--config", str(file), "--bus", bus.address]) == 1
    assert capfd.readouterr().err == f"auricle: {told}\n"


def test_a_default_that_is_missing_is_reported_for_the_main_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("wake: {enabled: false}\n", encoding="utf-8")
    monkeypatch.setattr("auricle.config.locations.model_folders", lambda: (tmp_path,))
    with pytest.raises(ConfigError) as caught:
        references.load(file)
    told = f"{file}: recognizer.bundle: no model en-tiny in {tmp_path}; install it."
    assert str(caught.value) == told


def test_wake_words_that_are_off_are_not_needed(tmp_path: Path) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("wake: {enabled: false, models: [computer]}\n", encoding="utf-8")
    assert references.examine(file).mistakes == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("audio: {device: 'hw:7,0'}", "audio.device: 'hw:7,0': there is no such microphone"),
        ("privacy: {led: nothing}", "privacy.led: nothing: does not exist; the LEDs are led0"),
        ("feedback: {led: nothing}", "feedback.led: nothing: does not exist; the LEDs are led0"),
        ("feedback: {chime: /no.wav}", "feedback.chime: /no.wav: there is no such recording"),
        (
            f"privacy: {{reranker: {{{RERANKER}}}}}",
            "privacy.reranker: {url: 'https://reranker.lan/'}: this system trusts no certificate",
        ),
    ],
)
def test_a_missing_device_is_only_a_warning(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text(text, encoding="utf-8")
    (tmp_path / "leds" / "led0").mkdir(parents=True)
    machine = Machine(tmp_path / "asound", tmp_path / "leds", (tmp_path / "certificates",))
    examination = references.examine(file, machine)
    assert examination.config is not None
    assert examination.mistakes == ()
    (warning,) = examination.warnings
    assert str(warning).startswith(f"{file}:1: {told}")


def test_devices_that_exist_give_no_warning(tmp_path: Path) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text(
        f"audio: {{device: 'plughw:1,0'}}\nprivacy: {{led: led0, reranker: {{{RERANKER}}}}}\n",
        encoding="utf-8",
    )
    (tmp_path / "asound" / "card1" / "pcm0c").mkdir(parents=True)
    (tmp_path / "leds" / "led0").mkdir(parents=True)
    (tmp_path / "leds" / "led0" / "brightness").touch()
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates" / "one.pem").touch()
    machine = Machine(tmp_path / "asound", tmp_path / "leds", (tmp_path / "certificates",))
    assert references.examine(file, machine).warnings == ()


def test_a_warning_is_printed_and_the_check_still_succeeds(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "auricle.yaml"
    file.write_text("privacy: {led: no-such-led}\n", encoding="utf-8")
    assert main(["config", "check", str(file)]) == 0
    out, err = capfd.readouterr()
    assert out == f"{file}: OK\n"
    assert err.startswith(f"warning: {file}:1: privacy.led: no-such-led: does not exist")
    assert main(["config", "check", "--json", str(file)]) == 0
    (warning,) = json.loads(capfd.readouterr().out)["warnings"]
    assert warning["key"] == "privacy.led"
