"""Folders with the files of a Debian system, and temporary copies of them.

In: release, architecture, package names. Out: a folder with the system, created once by debootstrap
and kept in the user's cache. Foreign architectures are emulated with qemu-user-static. Creating and
mounting folders needs root.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import StageError

BINFMT = Path("/proc/sys/fs/binfmt_misc")
QEMU = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")  # from the package qemu-user-static
REMEDY = "install debootstrap, and qemu-user-static for arm64, and run as root"


def debian_tree(release: str, architecture: str, packages: Sequence[str]) -> Path:
    """Return the folder of a system with these packages; raises StageError if debootstrap fails.

    Do not change files in this folder; use `throw_away_copy`.
    """
    wanted = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:8]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    tree = home / "auricle" / "trees" / f"{release}-{architecture}-{wanted}"
    if tree.is_dir():
        return tree
    if is_foreign(architecture):
        emulate()
    unfinished = tree.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    command = ["debootstrap", "--variant=minbase", f"--arch={architecture}"]
    command += [f"--include={','.join(packages)}", release, str(unfinished)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stdout", None) or str(error)
        raise StageError(f"debootstrap failed: {tree.name}; {REMEDY}\n{told[-2000:]}") from error
    shutil.rmtree(unfinished / "var" / "cache" / "apt" / "archives", ignore_errors=True)
    unfinished.rename(tree)
    return tree


@contextmanager
def throw_away_copy(tree: Path) -> Iterator[Path]:
    """Mount a writable copy of a folder; it is removed at the end of the `with` block."""
    folder = Path(tempfile.mkdtemp(prefix="auricle-tree-", dir=tree.parent))
    upper, work, copy = (folder / name for name in ("upper", "work", "copy"))
    for each in (upper, work, copy):
        each.mkdir()
    options = f"lowerdir={tree},upperdir={upper},workdir={work}"
    command = ["mount", "-t", "overlay", "overlay", "-o", options, str(copy)]
    try:
        subprocess.run(command, check=True)
        try:
            yield copy
        finally:
            subprocess.run(["umount", "--recursive", "--lazy", str(copy)], check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_foreign(architecture: str) -> bool:
    """Return whether this machine has another architecture."""
    own = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    )
    return own.stdout.strip() != architecture


def emulate() -> None:
    """Register qemu to run arm64 programs; raises StageError if that fails."""
    try:
        if not (BINFMT / "register").exists():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
        if not (BINFMT / "qemu-aarch64").exists():
            # With the flag F the kernel keeps the interpreter open, so every tree can use it.
            (BINFMT / "register").write_text(QEMU.read_text(encoding="ascii"), encoding="ascii")
    except (OSError, subprocess.CalledProcessError) as error:
        raise StageError(f"cannot run arm64 programs ({error}); {REMEDY}") from error
