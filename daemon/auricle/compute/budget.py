"""The compute budget of recognition, and the limits on it at each compute level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from auricle.errors import ArgumentError

SecondPass = Literal["off", "rescore", "full"]  # mode of the second pass, cheapest first
SECOND_PASSES: tuple[SecondPass, ...] = ("off", "rescore", "full")


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits for one recognition.

    Raises:
        ArgumentError: a number is below 1.
    """

    threads: int  # of each neural network, at least 1
    beam: int  # hypotheses kept at each search frame, at least 1
    second_pass: SecondPass = "full"
    second_beam: int = 4  # beam of the second pass's own search, at least 1
    glances: bool = True  # encode unfinished chunks early: partial results come twice as often

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("threads", "beam", "second_beam"):
            if getattr(self, name) < 1:
                raise ArgumentError(
                    f"budget: {name} is {getattr(self, name)}: give a whole number of at least 1."
                )


class ComputeLevel(StrEnum):
    """How much compute recognition may use; the D-Bus property `Level`."""

    FULL = "full"  # the budget of the configuration
    SAVER = "saver"  # less, because other programs need the processor
    MINIMAL = "minimal"  # the least with which recognition works

    @property
    def cost(self) -> int:
        """Index of the level; a higher level computes more."""
        return LADDER.index(self)


LADDER = (ComputeLevel.MINIMAL, ComputeLevel.SAVER, ComputeLevel.FULL)  # in ascending order


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLimits:
    """Upper limits of a level on a budget."""

    threads: int
    beam: int
    second_pass: SecondPass
    second_beam: int
    glances: bool

    def of(self, budget: Budget) -> Budget:
        """Return the budget, reduced to these limits."""
        return replace(
            budget,
            threads=min(self.threads, budget.threads),
            beam=min(self.beam, budget.beam),
            second_pass=min(self.second_pass, budget.second_pass, key=SECOND_PASSES.index),
            second_beam=min(self.second_beam, budget.second_beam),
            glances=self.glances and budget.glances,
        )


# One thread: the threads of a network busy-wait for each other, which wastes the processor when
# another program delays one of them. Second pass: a beam of 2 takes a quarter less time than a beam
# of 4 and is almost as accurate; a beam of 1 loses names. Rescoring alone is far less accurate,
# because most gains of the second pass are hypotheses of its own. Glances make the first pass cost
# 60 % more during speech, and no final result depends on them.
LIMITS = {
    ComputeLevel.SAVER: LevelLimits(
        threads=1, beam=2, second_pass="full", second_beam=2, glances=False
    ),
    ComputeLevel.MINIMAL: LevelLimits(
        threads=1, beam=1, second_pass="off", second_beam=1, glances=False
    ),
}


def budget_at(level: ComputeLevel, budget: Budget) -> Budget:
    """Return the configured budget, reduced to the limits of a level."""
    limits = LIMITS.get(level)
    return budget if limits is None else limits.of(budget)
