"""Where Auricle looks for its configuration and its models, and what it keeps: the one place.

A checkout finds its own files first, so that a developer never runs another version's; then the
Python environment Auricle is installed in; then the folders of the distribution.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from auricle.errors import ModelError

SYSTEM_CONFIG = Path("/etc/auricle/auricle.yaml")
SYSTEM_SHARE = (Path("/usr/local/share/auricle"), Path("/usr/share/auricle"))


def checkout() -> Path | None:
    """Return the root of the source tree this module lies in; None when it is installed."""
    root = Path(__file__).resolve().parents[3]
    is_checkout = (root / "setup.cfg").is_file() and (root / "daemon" / "auricle").is_dir()
    return root if is_checkout else None


def find_config() -> Path:
    """Return the configuration that is read when none is named.

    The first that exists of the user's own, the system's, and the shipped one with the defaults;
    the system's when none exists, so that the error names the file that ought to be there.
    """
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    root = checkout()
    shipped = root / "etc" if root else Path(sys.prefix) / "share" / "auricle"
    candidates = (Path(home) / "auricle" / "auricle.yaml", SYSTEM_CONFIG, shipped / "auricle.yaml")
    return next((path for path in candidates if path.is_file()), SYSTEM_CONFIG)


def state_folder() -> Path:
    """Return the folder of what outlives the daemon; it need not exist.

    That which systemd gives the service, or the user's own.
    """
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(home) / "auricle"


def relay_socket() -> Path:
    """Return where the daemon meets the relay; the file is there only while lattices may leave.

    The units name the place; without them it is in the user's own runtime folder.
    """
    given = os.environ.get("AURICLE_RELAY_SOCKET")
    if given:
        return Path(given)
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return Path(runtime) / "auricle-relay" / "lattices"


def model_folders() -> tuple[Path, ...]:
    """Return the folders that hold models, in the order in which they are searched."""
    root = checkout()
    own = (root / "models",) if root else ()
    shares = (Path(sys.prefix) / "share" / "auricle", *SYSTEM_SHARE)
    return tuple(dict.fromkeys((*own, *(share / "models" for share in shares))))


def find_bundle(name: str, folders: Sequence[Path] | None = None) -> Path:
    """Return the folder of a model bundle, given its name or absolute path.

    Raises:
        ModelError: there is none; the message says where it was looked for.
    """
    return find(name, Path(name), "recognizer.bundle", folders)


def find_wake_model(name: str, folders: Sequence[Path] | None = None) -> Path:
    """Return the JSON file of a wake-word model, given its name or absolute path.

    Raises:
        ModelError: there is none; the message says where it was looked for.
    """
    return find(name, Path("wake") / f"{name}.json", "wake.models", folders)


def find(name: str, place: Path, key: str, folders: Sequence[Path] | None) -> Path:
    """Return `name` if it is an absolute path, else the first `place` that a folder holds."""
    if name.startswith("/"):
        if not Path(name).exists():
            raise ModelError(f"{key}: {name} does not exist; name a model or an existing path.")
        return Path(name)
    searched = model_folders() if folders is None else folders
    for folder in searched:
        if (folder / place).exists():
            return folder / place
    looked = ", ".join(str(folder) for folder in searched)
    raise ModelError(f"{key}: no model {name} in {looked}; install it or name another.")
