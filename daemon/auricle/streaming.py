"""The contract of everything that streams.

A part that streams holds only fixed settings and weights. What it remembers of the past is its
State: explicit data that can be copied, saved and reset. Any chunking of the same input gives the
same output. (The idea follows `moshi`'s streaming modules, made pure.)
"""

from __future__ import annotations

from typing import Protocol, TypeVar

State = TypeVar("State")
Input = TypeVar("Input", contravariant=True)
Output = TypeVar("Output", covariant=True)


class Streaming(Protocol[State, Input, Output]):
    """A pure function over a stream: `step` never changes the state it is given."""

    def initial_state(self) -> State:
        """Return the state before the first input."""
        ...

    def step(self, state: State, chunk: Input) -> tuple[State, Output]:
        """Consume one chunk; return the next state and what the chunk completed."""
        ...
