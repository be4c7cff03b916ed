"""The interface org.auricle.Arbiter1: what Auricle takes of the machine it shares."""

from __future__ import annotations

from auricle.arbiter.compute import Compute
from auricle.bus.interface import Changes, Interface, Property
from auricle.bus.names import ARBITER_INTERFACE

LEVEL_PROPERTY = "Level"


class Arbiter1:
    """Answers for the arbiter."""

    def __init__(self, compute: Compute) -> None:
        """`compute` decides on the level."""
        self._compute = compute

    def interface(self) -> Interface:
        """Return the interface to export."""
        return Interface(
            name=ARBITER_INTERFACE,
            methods=(),
            properties=(
                Property(LEVEL_PROPERTY, "s", lambda: self._compute.level.value, Changes.TRUE),
            ),
            signals={},
        )
