"""Run the daemon's libraries under the same seccomp filter as `MemoryDenyWriteExecute=yes`.

A script for test_units.py. It forbids memory that is both writable and executable and checks that
the kernel refuses it. Then it loads every library of the daemon, lists the sound devices, and runs
the given models on zeros. It prints `done`.
"""

from __future__ import annotations

import ctypes
import importlib
import mmap
import platform
import struct
import sys

LIBRARIES = (
    "dbus_next.aio",
    "numpy",
    "pulsectl",
    "pymicro_features",
    "rich",
    "sounddevice",
    "soundfile",
    "soxr",
    "systemd.daemon",
    "systemd.journal",
    "webrtcvad",
    "yaml",
)

# System call numbers: mmap, mprotect, pkey_mprotect.
SYSTEM_CALLS = {"x86_64": (9, 10, 329), "aarch64": (222, 226, 288)}

LOAD, AND, IF_EQUAL, IF_BIT, RETURN = 0x20, 0x54, 0x15, 0x45, 0x06  # classic BPF
PROTECTION = 32  # offset of the third argument in struct seccomp_data
WRITE_EXECUTE, EXECUTE = 6, 4
DENY, ALLOW = 0x0005_0001, 0x7FFF_0000  # fail with EPERM; allow

PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38


class Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny_executable_memory() -> None:
    """Let the kernel refuse to map W+X memory and to make memory executable."""
    map_memory, protect, protect_with_key = SYSTEM_CALLS[platform.machine()]
    instructions = (
        (LOAD, 0, 0, 0),  # system call number
        (IF_EQUAL, 3, 0, map_memory),
        (IF_EQUAL, 5, 0, protect),
        (IF_EQUAL, 4, 0, protect_with_key),
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, PROTECTION),
        (AND, 0, 0, WRITE_EXECUTE),
        (IF_EQUAL, 3, 2, WRITE_EXECUTE),
        (LOAD, 0, 0, PROTECTION),
        (IF_BIT, 1, 0, EXECUTE),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, DENY),
    )
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    program = Program(len(instructions), code)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


def assert_denied() -> None:
    """Exit unless writable and executable memory is refused."""
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    except PermissionError:
        return
    sys.exit("executable memory is not denied")


def main(models: list[str]) -> None:
    """Deny, load, run."""
    deny_executable_memory()
    assert_denied()
    for name in LIBRARIES:
        importlib.import_module(name)
    importlib.import_module("sounddevice").query_devices()
    with importlib.import_module("pulsectl").Pulse("test") as pulse:  # uses ctypes callbacks
        pulse.sink_input_list()
    numpy = importlib.import_module("numpy")
    litert = importlib.import_module("ai_edge_litert.interpreter")
    for model in models:
        interpreter = litert.Interpreter(model, num_threads=2)
        interpreter.allocate_tensors()
        for tensor in interpreter.get_input_details():
            interpreter.set_tensor(tensor["index"], numpy.zeros(tensor["shape"], tensor["dtype"]))
        interpreter.invoke()
    print("done")


if __name__ == "__main__":
    main(sys.argv[1:])
