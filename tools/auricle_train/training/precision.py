"""The precision of the networks: bfloat16 if the processor supports it, else float32.

Without hardware support, bfloat16 is emulated and several times slower than float32.
"""

from __future__ import annotations

import torch


def computing(device: torch.device) -> torch.autocast:
    """Return the autocast context with the fastest precision of a device."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 numbers in hardware."""
    if device.type != "cpu":
        return True
    return any("bf16" in name and has for name, has in torch.cpu.get_capabilities().items())
