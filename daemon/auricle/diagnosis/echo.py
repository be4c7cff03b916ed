"""Checks whether the microphone's signal passes through an echo canceller.

In: the sound server, while this process records from it. PulseAudio and PipeWire provide the
cancelled signal as a separate source. Echo cancellation in the hardware of a microphone array is
not detected. The check runs as the calling user; the daemon may run as another user, with another
default microphone.
"""

from __future__ import annotations

import os
from typing import Any

from auricle.diagnosis.finding import Finding, FindingStatus
from auricle.ducking.backends.pulse_server import connect, errors_told
from auricle.errors import SoundError

CHECK = "echo"
PULSE_MODULE = "module-echo-cancel"
PIPEWIRE_GROUP = "echo-cancel-"  # prefix of the node group of PipeWire's module
PROCESS = "application.process.id"
# Not a warning: ducking helps more than a canceller, and some cancellers reduce the accuracy
# (models/RESULTS.md).
REMEDY = (
    "no action is needed if music is ducked; for echo cancellation see etc/pulse/default.pa.d/"
    "80-auricle-echo.pa and etc/pipewire/pipewire.conf.d/80-auricle-echo.conf"
)


def examine_echo(server: str | None = None) -> Finding:
    """Return a finding that says whether the source of this process's recording cancels echo.

    Args:
        server: address of the sound server; None: libpulse's default.
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
    """Return the finding for a connected server."""
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
        return _uncancelled(f"'{source.name}' does not cancel echo")
    default = pulse.server_info().default_sink_name
    sinks = {sink.name: _canceller_of(sink, modules) for sink in pulse.sink_list()}
    inlets = [name for name, of in sinks.items() if of == canceller]
    # A canceller without a sink of its own takes everything that is played as its reference.
    if inlets and sinks.get(default) != canceller:
        return Finding(
            CHECK,
            FindingStatus.WARNING,
            f"'{source.name}' cancels the sound of '{inlets[0]}', but players use '{default}'",
            f"run `pactl set-default-sink {inlets[0]}`",
        )
    return Finding(CHECK, FindingStatus.OK, f"'{source.name}' cancels the sound of this device")


def _canceller_of(device: Any, modules: dict[int, str]) -> str | None:
    """Return an id of the canceller that a source or sink belongs to; None: to no canceller."""
    if modules.get(device.owner_module) == PULSE_MODULE:
        return str(device.owner_module)
    group = str(device.proplist.get("node.group", ""))
    return group if group.startswith(PIPEWIRE_GROUP) else None


def _uncancelled(found: str) -> Finding:
    found = f"{found}; the microphone picks up the sound of this device"
    return Finding(CHECK, FindingStatus.OK, found, REMEDY)
