"""The compute that recognition may spend, and how much of it is left at each level."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from auricle.errors import ArgumentError

SecondPass = Literal["off", "rescore", "full"]  # attention after the search, cheapest first
SECOND_PASSES: tuple[SecondPass, ...] = ("off", "rescore", "full")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one recognition may cost; raises `ArgumentError` when there is nothing to spend."""

    threads: int  # of each neural network, at least 1
    beam: int  # hypotheses kept at each frame, at least 1
    second_pass: SecondPass = "full"
    second_beam: int = 4  # readings of its own that the second pass follows, at least 1
    glances: bool = True  # into unfinished chunks, for partial results that come twice as often

    def __post_init__(self) -> None:
        """Refuse a budget with which nothing can be computed."""
        for name in ("threads", "beam", "second_beam"):
            if getattr(self, name) < 1:
                raise ArgumentError(
                    f"budget: {name} is {getattr(self, name)}: give a whole number from 1 up."
                )


class ComputeLevel(StrEnum):
    """How much Auricle takes of the machine; the D-Bus property `Level`."""

    FULL = "full"  # what the configuration allows
    SAVER = "saver"  # something else needs the processor
    MINIMAL = "minimal"  # hardly anything is left: words, and little more

    @property
    def cost(self) -> int:
        """Its place among the levels: the more, the more is computed."""
        return LADDER.index(self)


LADDER = (ComputeLevel.MINIMAL, ComputeLevel.SAVER, ComputeLevel.FULL)  # upwards


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLimits:
    """What a level leaves of a budget: the lesser of the two holds."""

    threads: int
    beam: int
    second_pass: SecondPass
    second_beam: int
    glances: bool

    def of(self, budget: Budget) -> Budget:
        """Return what is left of a budget."""
        return replace(
            budget,
            threads=min(self.threads, budget.threads),
            beam=min(self.beam, budget.beam),
            second_pass=min(self.second_pass, budget.second_pass, key=SECOND_PASSES.index),
            second_beam=min(self.second_beam, budget.second_beam),
            glances=self.glances and budget.glances,
        )


# One thread, because threads of a network wait for each other, which takes the processor where
# another program holds one of them up. A second pass with a beam of 2 takes a quarter less than
# with 4, and is hardly less accurate; with 1 it loses names. One that only rescores is far worse:
# most of what the second pass finds are readings of its own. Glances cost 60 % more of the first
# pass while somebody speaks, and no result depends on them.
LIMITS = {
    ComputeLevel.SAVER: LevelLimits(
        threads=1, beam=2, second_pass="full", second_beam=2, glances=False
    ),
    ComputeLevel.MINIMAL: LevelLimits(
        threads=1, beam=1, second_pass="off", second_beam=1, glances=False
    ),
}


def budget_at(level: ComputeLevel, budget: Budget) -> Budget:
    """Return what a level leaves of the budget that the configuration gives."""
    limits = LIMITS.get(level)
    return budget if limits is None else limits.of(budget)
