"""A Debian system with nothing but its base, in which a fresh clone of this repository is built.

In: the folder of a system (see `debian_tree`) and the repository. Out: results of commands run in
it as root, in a mount and process namespace that ends with the command. The network is the host's,
and so are the settings of apt and pip that say where packages come from.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from testbed.errors import StageError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = Path("usr/local/share/ca-certificates")  # the authorities that the host has added
# The first argument is the folder of the system, the second the number of host folders.
ENTER = """
system=$1 folders=$2; shift 2
mount --rbind /dev "$system/dev"
mount --rbind /sys "$system/sys"
for _ in $(seq "$folders"); do
  mkdir -p "$system$1" && mount --bind -o ro "$1" "$system$1"
  shift
done
exec chroot "$system" "$@"
"""


class BareSystem:
    """Runs commands in the folder of a Debian system, which they change."""

    def __init__(self, tree: Path) -> None:
        """Give the system the host's network settings.

        Args:
            tree: folder of the system, with ca-certificates installed.

        Raises:
            StageError: the settings cannot be taken over.
        """
        self._tree = tree
        self._folders: list[Path] = []  # of the host, seen in the system
        self._environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", tree / "etc" / name)
        shutil.copytree("/" / CERTIFICATES, tree / CERTIFICATES, dirs_exist_ok=True)
        (tree / "etc" / "apt" / "apt.conf.d" / "90host").write_text("\n".join(apt_settings()))
        for option, value in pip_settings():
            self._environment[f"PIP_{option.upper().replace('-', '_')}"] = value
            self._show(value)
        if self.run("update-ca-certificates").returncode:
            raise StageError(f"{tree}: has no ca-certificates; add it to the packages of the tree")

    def clone(self, repository: Path, place: str) -> None:
        """Clone the commit that is checked out in a repository, without its history.

        Every user of the system can read the clone.
        """
        command = ["git", "clone", "--quiet", "--depth=1", f"file://{repository}"]
        subprocess.run([*command, str(self._tree / place.lstrip("/"))], umask=0o022, check=True)

    def run(self, *command: str, output: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end.

        Args:
            command: program and arguments.
            output: file for standard output and standard error, for commands that take long;
                without it the result contains both.
        """
        with (output or Path(os.devnull)).open("w", encoding="utf-8") as file:
            return subprocess.run(
                self._entered(command),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file if output else subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )

    def _entered(self, command: Sequence[str]) -> list[str]:
        """Return the command line that runs a command in the system."""
        entered = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        entered += [f"--mount-proc={self._tree / 'proc'}", "sh", "-euc", ENTER, "sh"]
        folders = map(str, self._folders)
        return [*entered, str(self._tree), str(len(self._folders)), *folders, *command]

    def _show(self, value: str) -> None:
        """Make the host's files and folders in the value of an option available in the system."""
        for found in re.findall(r"(?:^|\s|file://)(/\S+)", value):
            host, inside = Path(found), self._tree / found.lstrip("/")
            if host.is_dir():
                # The files of an index often lie beside its list.
                self._folders.append(host.parent if len(host.parts) > 3 else host)
            elif host.is_file() and not inside.exists():
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(host, inside)


def apt_settings() -> Iterator[str]:
    """Yield the host's settings of how apt downloads, as lines of a configuration file."""
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        if line.startswith("Acquire::") and not line.startswith("Acquire::IndexTargets"):
            yield line


def pip_settings() -> Iterator[tuple[str, str]]:
    """Yield the option and the value of each of the host's settings of pip."""
    done = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    for line in done.stdout.splitlines():  # empty if the host has no pip
        name, _, value = line.partition("=")
        yield name.rpartition(".")[2], value.strip("'")
