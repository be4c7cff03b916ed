"""Whether what the device itself plays is taken out of what its microphone hears.

In: the sound server, while this process records from it. PulseAudio and PipeWire cancel echo in a
source of their own; what a microphone array does in its hardware cannot be seen from here. It is
looked at as the user who asks; the daemon may be another one, with another default microphone.
"""

from __future__ import annotations

import os
from typing import Any

from auricle.diagnosis.finding import Finding, FindingStatus
from auricle.ducking.backends.pulse_server import connect, errors_told
from auricle.errors import SoundError

CHECK = "echo"
PULSE_MODULE = "module-echo-cancel"
PIPEWIRE_GROUP = "echo-cancel-"  # how PipeWire's module begins the name of what it makes
PROCESS = "application.process.id"
# No warning: ducking does more than a canceller, and some do harm (models/RESULTS.md).
REMEDY = (
    "none is needed where music is ducked; what else can be done is told in etc/pulse/"
    "default.pa.d/80-auricle-echo.pa and etc/pipewire/pipewire.conf.d/80-auricle-echo.conf"
)


def examine_echo(server: str | None = None) -> Finding:
    """Return whether the source that this process records from cancels echo.

    Args:
        server: address of the sound server; None: that which libpulse finds.
    """
    try:
        with errors_told():
            pulse = connect(server)
            try:
                return _look(pulse)
            finally:
                pulse.close()
    except SoundError:
        return _uncancelled("the microphone is not recorded through a sound server")


def _look(pulse: Any) -> Finding:
    """Return what a connected server tells."""
    process = str(os.getpid())
    used = [
        one.source for one in pulse.source_output_list() if one.proplist.get(PROCESS) == process
    ]
    sources = [source for source in pulse.source_list() if source.index in used]
    if not sources:
        return _uncancelled("the microphone is not recorded through the sound server")
    modules = {module.index: module.name for module in pulse.module_list()}
    source = sources[0]
    canceller = _canceller_of(source, modules)
    if canceller is None:
        return _uncancelled(f"'{source.name}' cancels no echo")
    default = pulse.server_info().default_sink_name
    sinks = {sink.name: _canceller_of(sink, modules) for sink in pulse.sink_list()}
    inlets = [name for name, of in sinks.items() if of == canceller]
    if inlets and sinks.get(default) != canceller:  # without an inlet it hears all that is played
        return Finding(
            CHECK,
            FindingStatus.WARNING,
            f"'{source.name}' cancels what is played to '{inlets[0]}', but players use '{default}'",
            f"run `pactl set-default-sink {inlets[0]}`",
        )
    return Finding(CHECK, FindingStatus.OK, f"'{source.name}' cancels what this device plays")


def _canceller_of(device: Any, modules: dict[int, str]) -> str | None:
    """Return what tells the canceller that made a source or sink from others; None: none did."""
    if modules.get(device.owner_module) == PULSE_MODULE:
        return str(device.owner_module)
    group = str(device.proplist.get("node.group", ""))
    return group if group.startswith(PIPEWIRE_GROUP) else None


def _uncancelled(found: str) -> Finding:
    return Finding(CHECK, FindingStatus.OK, f"{found}; it hears what this device plays", REMEDY)
