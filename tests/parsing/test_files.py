"""Only regular files of the expected size are read, and nothing blocks."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from auricle.errors import MalformedError
from auricle.parsing.files import open_regular, read_regular


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"12345")
    assert read_regular(file, 5) == b"12345"
    with pytest.raises(MalformedError, match="must not be larger than 4 bytes"):
        read_regular(file, 4)


def test_a_sparse_file_of_a_terabyte_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "a"
    with file.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(MalformedError, match="must not be larger than 1 MiB"):
        read_regular(file, 1 << 20)


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "link to a device"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a"
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "pipe":
                os.mkfifo(file)
            case "socket":
                listener.bind(str(file))
            case "device":
                file = Path("/dev/zero")
            case _:
                file.symlink_to("/dev/zero")
        with pytest.raises((MalformedError, OSError)) as caught:
            open_regular(file)
    assert kind == "socket" or "is not a regular file" in str(caught.value)


def test_a_folder_and_a_missing_file_are_errors_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


def test_a_path_with_a_nul_character_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="NUL"):
        open_regular(tmp_path / "a\0b")
