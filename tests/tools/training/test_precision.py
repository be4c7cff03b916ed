"""The precision that networks compute in."""

from __future__ import annotations

import pytest
import torch

from auricle_train.training.precision import computing, has_bfloat16

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({"avx2": True, "avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
    ],
)
def test_products_are_of_bfloat16_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    with computing(CPU):
        assert torch.matmul(torch.ones(2, 2), torch.ones(2, 2)).dtype is expected


def test_a_graphics_processor_has_it() -> None:
    assert has_bfloat16(torch.device("cuda"))
