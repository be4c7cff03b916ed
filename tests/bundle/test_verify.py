"""Only regular files inside the bundle's folder that match the manifest are accepted."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import yaml

from auricle.bundle.manifest import load_bundle, read_manifest
from auricle.errors import ModelError
from bundle_sums import with_sums

MODELS = Path(__file__).parents[2] / "models"
CONTENT = {"a.bin": b"numbers", "NOTICE": b"who made it", "README.md": b"what it is"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle of three small files."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    write_manifest(
        folder, {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    )
    return folder


def write_manifest(folder: Path, files: object, **changes: object) -> None:
    manifest = {"format": 2, "name": "a", "version": "1", "kind": "recognizer", "language": "en",
                "settings": {}, "files": files}  # fmt: skip
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest | changes), encoding="utf-8")


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_bundle(folder, "recognizer")
    return str(caught.value)


@pytest.mark.parametrize("name", ["en-tiny", "reranker-en", "wake"])
def test_every_shipped_file_is_in_the_manifest(name: str) -> None:
    folder = MODELS / name
    text = (folder / "manifest.yaml").read_text(encoding="utf-8")
    assert text == with_sums(text, folder), f"run `python tools/bundle_sums.py models/{name}`"


@pytest.mark.parametrize("name", CONTENT)
def test_a_changed_byte_is_refused_in_any_file(folder: Path, name: str) -> None:
    assert load_bundle(folder, "recognizer").files == frozenset(CONTENT)
    (folder / name).write_bytes(CONTENT[name][:-1] + b"!")
    assert f"{name}: sha256 is" in refused(folder)


def test_a_pipe_is_refused_without_waiting(folder: Path) -> None:
    (folder / "a.bin").unlink()
    os.mkfifo(folder / "a.bin")
    assert "a.bin: is not a regular file" in refused(folder)


def test_a_folder_is_refused(folder: Path) -> None:
    (folder / "a.bin").unlink()
    (folder / "a.bin").mkdir()
    assert "a.bin: cannot be read (Is a directory)" in refused(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may make devices")
def test_a_device_is_refused(folder: Path) -> None:
    (folder / "a.bin").unlink()
    try:
        os.mknod(folder / "a.bin", 0o20666, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("no devices may be made here")
    assert "a.bin: is not a regular file" in refused(folder) or "cannot be read" in refused(folder)


@pytest.mark.parametrize("target", ["/dev/zero", "../outside", "/etc/hostname", "a.bin"])
def test_a_link_out_of_the_bundle_is_refused(folder: Path, target: str) -> None:
    (folder.parent / "outside").write_bytes(CONTENT["a.bin"])
    (folder / "a.bin").unlink()
    (folder / "a.bin").symlink_to(target)
    told = refused(folder)
    assert "leads out of the bundle" in told or (target == "a.bin" and "symbolic links" in told)


def test_a_link_within_the_bundle_and_to_the_bundle_is_followed(folder: Path) -> None:
    (folder / "real.bin").write_bytes(CONTENT["a.bin"])
    (folder / "a.bin").unlink()
    (folder / "a.bin").symlink_to("real.bin")
    (folder.parent / "current").symlink_to(folder)
    assert load_bundle(folder.parent / "current", "recognizer").name == "a"


def test_a_file_of_a_terabyte_is_refused_unread(folder: Path) -> None:
    with (folder / "a.bin").open("wb") as file:
        file.truncate(1 << 40)
    assert "a.bin: has more than" in refused(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version: 2001-99-99\n", "name: None is not a str"),
        ("version: !!timestamp 2001-99-99\n", "must be written without the tag !!timestamp"),
        ("[" * 3000, "must not be nested deeper"),
        ("files: &a [x]\nname: *a\n", "aliases"),
        ('name: "a\\0b"\n', "NUL character"),
        ('name: "\\ud800"\n', "surrogate"),
        ("format: " + "9" * 400, "is a number of 400 characters"),
        ("format: .inf", "not a finite number"),
        ("name: a\nname: b\n", "is set twice"),
        ("format: true\n", "format: True is not a int"),
        ("#" * 2_000_000, "must not be larger than 1 MiB"),
    ],
)
def test_a_hostile_manifest_is_refused(folder: Path, text: str, told: str) -> None:
    path = folder / "manifest.yaml"
    if text.startswith(("version", "name: a\n")):
        text = "format: 2\nkind: recognizer\n" + text
    path.write_text(text, encoding="utf-8")
    assert told in refused(folder)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.bin": "0" * 63}, "its sha256 must have 64 digits"),
        ({"a.bin": None}, "its sha256 must have 64 digits"),
        ({"a.bin": "A" * 64}, "its sha256 must have 64 digits"),
        ({"a\nb": "0" * 64}, "is not a file name"),
        ({"a" * 300: "0" * 64}, "is not a file name"),
        ({f"{number}": "0" * 64 for number in range(1001)}, "more than 1000"),
        (["a.bin"], "is not a dict"),
    ],
)
def test_a_hostile_list_of_files_is_refused(folder: Path, files: object, told: str) -> None:
    write_manifest(folder, files)
    assert told in refused(folder)


@pytest.mark.parametrize("key", ["name", "version", "language"])
@pytest.mark.parametrize("text", ["", "a\n", "\x1b[2J", "a" * 101])
def test_text_that_is_printed_is_one_line(folder: Path, key: str, text: str) -> None:
    write_manifest(folder, {"a.bin": "0" * 64}, **{key: text})
    assert f"{key}: " in refused(folder)
    assert "is not one line of 1 to 100 characters" in refused(folder)


def test_the_content_of_one_file_is_given_verified(folder: Path) -> None:
    manifest = read_manifest(folder, "recognizer")
    assert manifest.content("a.bin", 100) == CONTENT["a.bin"]
    with pytest.raises(ModelError, match="more than 3 bytes"):
        manifest.content("a.bin", 3)
    with pytest.raises(ModelError, match="files: 'b.bin' is not listed"):
        manifest.content("b.bin", 100)
    (folder / "a.bin").write_bytes(b"others!")
    with pytest.raises(ModelError, match="sha256 is"):
        manifest.content("a.bin", 100)


def test_sums_keep_comments_and_the_order(folder: Path) -> None:
    manifest = f"# why\nname: a\nfiles:\n  README.md: {'0' * 64}\n  gone: {'1' * 64}\nkind: b # x\n"
    text = with_sums(manifest, folder)
    sums = yaml.safe_load(text)["files"]
    assert list(sums) == ["README.md", "NOTICE", "a.bin"]
    assert sums["a.bin"] == hashlib.sha256(CONTENT["a.bin"]).hexdigest()
    assert text.startswith("# why\n") and text.endswith("kind: b # x\n")
