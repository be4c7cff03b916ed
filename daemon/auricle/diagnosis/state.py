"""Checks the files that the daemon keeps: which it had to set aside, and whether its log is intact.

In: the state folder. Out: a finding per file that was set aside, and one about the audit log.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from auricle.config.locations import state_folder
from auricle.damaged_files import find_damaged
from auricle.diagnosis.finding import Finding, FindingStatus, problem
from auricle.errors import StorageError
from auricle.privacy.audit_log import AuditLog

SYSTEM_STATE = Path("/var/lib/auricle")  # StateDirectory= of the system service


def examine_state(bus: str, folder: Path | None = None) -> Iterator[Finding]:
    """Yield findings about the state folder.

    Args:
        bus: the bus of the daemon: "session", "system" or a D-Bus address.
        folder: the state folder; None: that of the daemon on this bus.
    """
    folder = folder or (SYSTEM_STATE if bus == "system" else state_folder())
    try:
        damaged = find_damaged(folder)
    except FileNotFoundError:
        yield Finding("state", FindingStatus.OK, f"nothing is stored in {folder} yet")
        return
    except PermissionError:
        found = f"only root can look into {folder}"
        yield Finding("state", FindingStatus.OK, found, "`sudo auricle doctor` checks it")
        return
    except OSError as error:
        found = f"{folder} cannot be read ({error.strerror})"
        yield Finding("state", FindingStatus.WARNING, found, "make it a folder that Auricle owns")
        return
    for file in damaged:
        found = f"a file was damaged and is now {file}; Auricle started without it"
        remedy = "check the disk, provide again what the file held, and delete it"
        yield Finding("state", FindingStatus.WARNING, found, remedy)
    yield from _examine_log(folder)
    if not damaged:
        yield Finding("state", FindingStatus.OK, f"no file in {folder} had to be set aside")


def _examine_log(folder: Path) -> Iterator[Finding]:
    try:
        fault = AuditLog(folder / "privacy" / "record").read().fault
    except StorageError as error:
        yield problem("state", error)
        return
    if fault:
        found = f"the log of what left this device was modified or damaged: {fault}"
        remedy = "`auricle privacy log` shows it; `auricle privacy erase` starts a new one"
        yield Finding("state", FindingStatus.WARNING, found, remedy)
