"""The compute that recognition may spend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from auricle.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Budget:
    """What one recognition may cost; raises `ArgumentError` when there is nothing to spend."""

    threads: int  # of each neural network, at least 1
    beam: int  # hypotheses kept at each frame, at least 1
    second_pass: Literal["off", "rescore", "full"] = "full"  # attention after the search

    def __post_init__(self) -> None:
        """Refuse a budget with which nothing can be computed."""
        for name in ("threads", "beam"):
            if getattr(self, name) < 1:
                raise ArgumentError(
                    f"budget: {name} is {getattr(self, name)}: give a whole number from 1 up."
                )
