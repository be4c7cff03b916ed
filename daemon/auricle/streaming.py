"""The contract of everything that streams.

A part that streams holds only fixed settings and weights. What it remembers of the past is its
State: explicit data that can be copied, saved and reset. Any chunking of the same input gives the
same output. (The idea follows `moshi`'s streaming modules, made pure.)
"""

from __future__ import annotations

from typing import Protocol, TypeVar

State = TypeVar("State")
Input_contra = TypeVar("Input_contra", contravariant=True)
Output_co = TypeVar("Output_co", covariant=True)


class Streaming(Protocol[State, Input_contra, Output_co]):
    """A pure function over a stream: `step` never changes the state it is given."""

    def initial_state(self) -> State:
        """Return the state before the first input."""
        ...

    def step(self, state: State, chunk: Input_contra) -> tuple[State, Output_co]:
        """Consume one chunk; return the next state and what the chunk completed."""
        ...
