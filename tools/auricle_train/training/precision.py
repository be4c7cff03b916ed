"""The precision that networks compute in: bfloat16 where the processor has it, else float32.

Where it has not, bfloat16 is converted back and forth, and several times slower than float32.
"""

from __future__ import annotations

import torch


def computing(device: torch.device) -> torch.autocast:
    """Return the context in which a device computes fastest."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device))


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device multiplies numbers of bfloat16 itself."""
    if device.type != "cpu":
        return True
    return any("bf16" in name and has for name, has in torch.cpu.get_capabilities().items())
