"""The files of a Debian system, and throw-away copies of them.

In: a release, an architecture, names of packages. Out: a folder that holds the whole system, made
once by debootstrap and kept in the user's cache; for one of another architecture the kernel runs
qemu-user-static. Only root can make and mount them.
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
QEMU = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")  # of the package qemu-user-static
REMEDY = "install debootstrap, and for arm64 qemu-user-static; both want root"


def debian_tree(release: str, architecture: str, packages: Sequence[str]) -> Path:
    """Return the folder of a system with these packages; raises StageError if it cannot be made.

    Nothing may be changed there: see `throw_away_copy`.
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
        raise StageError(f"debootstrap makes no {tree.name}; {REMEDY}\n{told[-2000:]}") from error
    shutil.rmtree(unfinished / "var" / "cache" / "apt" / "archives", ignore_errors=True)
    unfinished.rename(tree)
    return tree


@contextmanager
def throw_away_copy(tree: Path) -> Iterator[Path]:
    """Mount a copy in which everything may be changed; it is gone at the end."""
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
    """Return whether programs of this architecture do not run here by themselves."""
    own = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    )
    return own.stdout.strip() != architecture


def emulate() -> None:
    """Let the kernel run arm64 programs with qemu; raises StageError if it cannot."""
    try:
        if not (BINFMT / "register").exists():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
        if not (BINFMT / "qemu-aarch64").exists():
            # With the flag F the kernel keeps the interpreter open, and finds it in every tree.
            (BINFMT / "register").write_text(QEMU.read_text(encoding="ascii"), encoding="ascii")
    except (OSError, subprocess.CalledProcessError) as error:
        raise StageError(f"arm64 programs cannot be run here ({error}); {REMEDY}") from error
