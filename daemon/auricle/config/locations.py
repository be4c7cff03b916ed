"""Paths of the configuration, the models, the state folder and the relay socket.

A checkout uses its own files first, so that a developer never runs with files of another version.
Then come the Python environment in which Auricle is installed, and the folders of the distribution.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from auricle.errors import ModelError

SYSTEM_CONFIG = Path("/etc/auricle/auricle.yaml")
SYSTEM_SHARE = (Path("/usr/local/share/auricle"), Path("/usr/share/auricle"))


def checkout() -> Path | None:
    """Return the root of the source tree that contains this module; None if it is installed."""
    root = Path(__file__).resolve().parents[3]
    is_checkout = (root / "setup.cfg").is_file() and (root / "daemon" / "auricle").is_dir()
    return root if is_checkout else None


def find_config() -> Path:
    """Return the default configuration file.

    This is the first existing file of: the user's own, that of the system, and the shipped one with
    the defaults. If none exists, it is that of the system, so that the error names this file.
    """
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    root = checkout()
    shipped = root / "etc" if root else Path(sys.prefix) / "share" / "auricle"
    candidates = (Path(home) / "auricle" / "auricle.yaml", SYSTEM_CONFIG, shipped / "auricle.yaml")
    return next((path for path in candidates if path.is_file()), SYSTEM_CONFIG)


def state_folder() -> Path:
    """Return the folder for persistent data; it may not exist yet.

    systemd sets it with STATE_DIRECTORY; otherwise it is in the user's state folder.
    """
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(home) / "auricle"


def relay_socket() -> Path:
    """Return the socket between daemon and relay; it exists only in the privacy mode `lattice`.

    The systemd units set it with AURICLE_RELAY_SOCKET. Otherwise it is in the runtime folder of the
    user.
    """
    given = os.environ.get("AURICLE_RELAY_SOCKET")
    if given:
        return Path(given)
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return Path(runtime) / "auricle-relay" / "lattices"


def model_folders() -> tuple[Path, ...]:
    """Return the folders with models, in search order."""
    root = checkout()
    own = (root / "models",) if root else ()
    shares = (Path(sys.prefix) / "share" / "auricle", *SYSTEM_SHARE)
    return tuple(dict.fromkeys((*own, *(share / "models" for share in shares))))


def find_bundle(name: str, folders: Sequence[Path] | None = None) -> Path:
    """Return the folder of a model bundle, given its name or absolute path.

    Raises:
        ModelError: it does not exist; the message names the bundles that exist.
    """
    return find(name, Path(name), "recognizer.bundle", bundles_in, folders)


def find_wake_model(name: str, folders: Sequence[Path] | None = None) -> Path:
    """Return the JSON file of a wake-word model, given its name or absolute path.

    Raises:
        ModelError: it does not exist; the message names the models that exist.
    """
    return find(name, Path("wake") / f"{name}.json", "wake.models", wake_models_in, folders)


def bundles_in(folder: Path) -> list[str]:
    """Return the names of the recognizer bundles in a folder with models."""
    manifests = sorted(folder.glob("*/manifest.yaml"))
    return [manifest.parent.name for manifest in manifests if is_of_recognizer(manifest)]


def is_of_recognizer(manifest: Path) -> bool:
    """Return whether a manifest says that it belongs to a recognizer, without parsing all of it."""
    try:
        text = manifest.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return False
    return re.search(r"^kind: *recognizer\b", text, re.MULTILINE) is not None


def wake_models_in(folder: Path) -> list[str]:
    """Return the names of the wake-word models in a folder with models."""
    return sorted(file.stem for file in folder.glob("wake/*.json"))


def find(
    name: str,
    place: Path,
    key: str,
    models_in: Callable[[Path], list[str]],
    folders: Sequence[Path] | None,
) -> Path:
    """Return `name` if it is an absolute path, else the first `place` that exists in a folder.

    Args:
        name: the name of a model, or an absolute path.
        place: path of the model, relative to a folder with models.
        key: dotted path of the key, for messages.
        models_in: returns the names of the models in a folder, for messages.
        folders: the folders to search; None: those of `model_folders`.
    """
    if name.startswith("/"):
        if not Path(name).exists():
            raise ModelError(f"{key}: {name} does not exist; name a model or an existing path.")
        return Path(name)
    searched = model_folders() if folders is None else folders
    for folder in searched:
        if (folder / place).exists():
            return folder / place
    looked = ", ".join(str(folder) for folder in searched)
    known = ", ".join(dict.fromkeys(known for folder in searched for known in models_in(folder)))
    remedy = f"name one of {known}, or an absolute path" if known else "install it"
    raise ModelError(f"{key}: no model {name} in {looked}; {remedy}.")
