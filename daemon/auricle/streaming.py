"""The contract of streaming components: `Streaming`.

A streaming component holds only fixed settings and weights. Everything it remembers is in its
State, explicit data that can be copied, saved and reset. The chunking of the input does not change
the output. (The idea is that of moshi's streaming modules, made purely functional.)
"""

from __future__ import annotations

from typing import Protocol, TypeVar

State = TypeVar("State")
Input_contra = TypeVar("Input_contra", contravariant=True)
Output_co = TypeVar("Output_co", covariant=True)


class Streaming(Protocol[State, Input_contra, Output_co]):
    """A pure function over a stream; `step` never changes the state that it is given."""

    def initial_state(self) -> State:
        """Return the state before the first input."""
        ...

    def step(self, state: State, chunk: Input_contra) -> tuple[State, Output_co]:
        """Consume one chunk; return the next state and the output."""
        ...
