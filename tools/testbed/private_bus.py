"""A private D-Bus: a dbus-daemon in a temporary folder. Needs the Debian package dbus."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self
from xml.sax.saxutils import escape

from testbed.errors import StageError

# Like the system bus: clients do not receive messages addressed to others.
CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
{includes}
</busconfig>
"""


class PrivateBus:
    """A message bus that runs during its `with` block."""

    def __init__(
        self, kind: Literal["session", "system"] = "session", policies: Sequence[Path] = ()
    ) -> None:
        """Set up the bus without starting it.

        Args:
            kind: type of the bus; determines its environment variable.
            policies: additional configuration files, such as those in etc/dbus-1.
        """
        self.address = ""  # set while the bus runs
        self._kind = kind
        self._policies = tuple(policies)
        self._folder: Path | None = None
        self._daemon: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that connect programs to this bus."""
        return {f"DBUS_{self._kind.upper()}_BUS_ADDRESS": self.address}

    def __enter__(self) -> Self:
        """Start the bus; return when it accepts connections."""
        self._folder = Path(tempfile.mkdtemp(prefix="auricle-bus-"))
        if self._kind == "system":
            self._folder.chmod(0o755)  # other users connect too
        config = self._folder / "bus.conf"
        includes = "".join(
            f"  <include>{escape(os.fspath(path.resolve()))}</include>\n" for path in self._policies
        )
        config.write_text(
            CONFIG.format(kind=self._kind, socket=self._folder / "socket", includes=includes)
        )
        command = ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"]
        log = self._folder / "log"  # it has a line for each message that a policy rejects
        try:
            with log.open("w") as errors:
                self._daemon = subprocess.Popen(
                    [*command, "--print-address=1"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
        except OSError:
            self._stop()
            raise
        if self._daemon.stdout is not None:
            self.address = self._daemon.stdout.readline().strip()  # printed once the bus listens
        if not self.address:
            output = log.read_text()
            self._stop()
            raise StageError(f"dbus-daemon does not start: {output}")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the bus and disconnect all clients."""
        self._stop()

    def _stop(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            if self._daemon.stdout is not None:
                self._daemon.stdout.close()
            self._daemon = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self.address = ""
