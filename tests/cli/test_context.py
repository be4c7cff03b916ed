"""`auricle context`, with a real daemon and without."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle.audio.file import read_recording
from auricle.audio.format import SAMPLE_RATE
from auricle.cli.main import main
from auricle.client.client import AssistantClient
from testbed.patience import patience
from testbed.private_bus import PrivateBus
from testbed.recordings import Recording
from testbed.running_daemon import RunningDaemon

DEMO = Path(__file__).parents[2] / "models" / "demo" / "command.flac"
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann Lee\r\nEND:VCARD\r\n"
HANDED_OVER = 1.0  # seconds in which new names reach the recogniser


@pytest.fixture
def ask(daemon: RunningDaemon, daemon_bus: PrivateBus, capsys: pytest.CaptureFixture[str]):
    """Return what an action prints as JSON, from a daemon that keeps nothing yet."""

    def run(*words: str) -> dict[str, object]:
        assert main(["context", *words, "--json", "--bus", daemon_bus.address]) == 0
        return json.loads(capsys.readouterr().out)

    for source in run("count")["sources"]:
        run("clear", "--source", source)
    return run


def test_names_are_set_added_removed_and_cleared(ask, tmp_path: Path) -> None:
    file = tmp_path / "names.yaml"
    file.write_text("- Zoë\n- {name: Batcave, spoken: [bat cave], weight: 2, id: light.batcave}\n")
    assert ask("set", "appliances", str(file)) == {
        "kind": "appliances",
        "source": "default",
        "entries": 2,
    }
    assert ask("add", "contacts", "Ann Lee", "Bob")["entries"] == 2
    assert ask("remove", "appliances", "light.batcave")["removed"] == 1
    assert ask("count") == {
        "entries": {"appliances": 1, "contacts": 2},
        "sources": {"default": {"appliances": 1, "contacts": 2}},
    }
    assert ask("clear", "contacts") == {"kind": "contacts", "source": "default", "entries": 0}
    assert ask("clear")["kind"] is None
    assert ask("count") == {"entries": {}, "sources": {}}


def test_an_import_replaces_the_one_before_and_nothing_else(ask, tmp_path: Path) -> None:
    file = tmp_path / "all.vcf"
    file.write_text(CARD + CARD.replace("Ann Lee", "Bob") + CARD.replace("Ann Lee", " "))
    ask("add", "contacts", "Zoë")
    told = {"kind": "contacts", "source": "vcard", "entries": 2, "left_out": 1}
    assert ask("import", str(file)) == told
    file.write_text(CARD)
    assert ask("import", str(file)) == {**told, "entries": 1, "left_out": 0}
    ask("import", str(file), "--source", "work")
    assert ask("count") == {
        "entries": {"contacts": 3},
        "sources": {"default": {"contacts": 1}, "vcard": {"contacts": 1}, "work": {"contacts": 1}},
    }


@pytest.mark.usefixtures("ask")
def test_people_are_told_in_words(
    daemon_bus: PrivateBus, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "all.vcf"
    file.write_text(CARD + CARD.replace("Ann Lee", " "))
    for words in (
        ["add", "media", "Abbey Road"],
        ["remove", "media", "nothing"],
        ["import", str(file)],
        ["count"],
        ["clear"],
    ):
        assert main(["context", *words, "--bus", daemon_bus.address]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "media: 1 entry",
        "media: 0 removed",
        "contacts (vcard): 1 entry, 1 left out",
        "all                      contacts 1, media 1",
        "default                  media 1",
        "vcard                    contacts 1",
        "all kinds: 0 entries",
    ]


def test_names_outlive_the_daemon_and_stand_in_no_log(
    bus: PrivateBus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("Periwinkle\nMarigold\n")
    state = {"STATE_DIRECTORY": str(tmp_path / "state")}
    config = "log: {level: debug}\nwake: {models: [alexa]}\n"
    arguments = ("--audio", str(DEMO))
    with RunningDaemon(bus.address, config, environment=state, arguments=arguments) as daemon:
        assert main(["context", "set", "contacts", str(names), "--bus", bus.address]) == 0
        daemon.signal(signal.SIGTERM)
        daemon.wait()
        assert "Periwinkle" not in daemon.read_log()
    (file,) = (tmp_path / "state" / "context").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.with_name("0-broken.json").write_text("{")
    for name, content in (("music/ducked.json", "[" * 3000), ("privacy/mode", "latt")):
        path = tmp_path / "state" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    with RunningDaemon(bus.address, config, environment=state, arguments=arguments) as daemon:
        capsys.readouterr()
        assert main(["context", "count", "--json", "--bus", bus.address]) == 0
        assert json.loads(capsys.readouterr().out)["entries"] == {"contacts": 2}
        log = daemon.read_log()
        assert "warning context-damaged: " in log
        assert "0-broken.json is damaged and was renamed to 0-broken.json.damaged" in log
        assert "ducked.json was damaged and is now ducked.json.damaged" in log
        assert "warning state-damaged: " in log
        assert "mode was damaged and is now mode.damaged; the mode is local" in log
        assert "Periwinkle" not in log


def test_a_name_that_was_given_is_understood(
    bus: PrivateBus, tmp_path: Path, recordings: dict[str, Recording]
) -> None:
    sentence, sound = recordings["mcveigh"], tmp_path / "sentence.wav"
    room = np.random.default_rng(0).integers(-5, 5, (2, SAMPLE_RATE)).astype(np.int16)
    spoken = [room[0], read_recording(sentence.path), *room]
    soundfile.write(sound, np.concatenate(spoken), SAMPLE_RATE)

    async def say() -> str:
        """Return what is understood of the sentence, which begins anew with each unmuting."""
        async with AssistantClient(bus.address) as client:
            await client.set_muted(True)
            await client.set_muted(False)
            await client.listen()
            async for event, fields in client.events():
                if event == "final":
                    return str(fields["text"])
        return ""

    config, arguments = "wake: {enabled: false}\n", ("--audio", str(sound))
    with RunningDaemon(bus.address, config, arguments=arguments) as daemon:
        assert asyncio.run(say()) not in ("", sentence.text)
        words = ["contacts", "McVeigh", "--bus", bus.address]
        assert main(["context", "add", *words]) == 0
        time.sleep(patience(HANDED_OVER))
        assert asyncio.run(say()) == sentence.text
        assert main(["context", "remove", *words]) == 0
        time.sleep(patience(HANDED_OVER))
        assert asyncio.run(say()) != sentence.text
        assert " fault" not in daemon.read_log()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["set", "media", "FILE"], "FILE:2: "),
        (["set", "media", "/nowhere"], "/nowhere: cannot be read: No such file"),
        (["add", "media", "A\nB"], "NAME: 'A B': contains a line break"),
        (["import", "/nowhere"], "/nowhere: cannot be read: No such file"),
        (["import", "FILE"], "FILE: is not an entity registry of Home Assistant; name its"),
        (["count"], "not running on this bus; start it with `auricle run --bus "),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(
    bus: PrivateBus,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    complaint: str,
) -> None:
    file = tmp_path / "names"
    file.write_text("Abbey Road\n" + "n" * 201 + "\n")
    words = [word.replace("FILE", str(file)) for word in words]
    assert main(["context", *words, "--bus", bus.address]) == 1
    told, error = capsys.readouterr()
    assert (told, error.startswith("auricle: ")) == ("", True)
    assert complaint.replace("FILE", str(file)) in error


@pytest.mark.usefixtures("ask")
def test_a_wrong_source_is_told_by_the_daemon(
    daemon_bus: PrivateBus, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["context", "add", "media", "A", "--source", "a/b", "--bus", daemon_bus.address]
    assert main(words) == 1
    assert "option 'source' is 'a/b'; give 1 to 100 letters" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["set", "people", "f"], ["add", "media"], ["import"]])
def test_wrong_usage_ends_with_status_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["context", *words])
    assert end.value.code == 2
