"""Settings of a run of `train`: length, learning rates, loss weights, and data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Settings of a run."""

    minutes: float = 90.0  # wall time, including resumed runs; the learning rate is 0 at the end
    decay: float = 0.6  # last share of that time, in which the learning rate falls
    warm_steps: int = 250  # CTC head only at first: otherwise CTC emits only blanks for hours
    batch_seconds: float = 44.0  # audio per step and process
    encoder_rate: float = 6e-5  # peak learning rates; 0 freezes the part
    branch_rate: float = 2.2e-4
    head_rate: float = 6e-4
    decoder_rate: float = 4e-5
    transducer: float = 1.0  # weights of the losses; 0 skips a loss
    ctc: float = 0.4
    attention: float = 1.0
    distance: float = 10.0  # from the teacher's encoder frames
    soft: float = 0.5  # divergence from the teacher's next-piece distribution
    # A few hours of transcripts make the encoder forget other voices. It therefore mostly learns
    # from its teacher, and receives only a small share of the gradients of both passes.
    through: float = 0.1  # share of the second pass's gradient that reaches the encoder
    first_through: float = 0.02  # share of the first pass's gradient that reaches shared layers
    distance_share: float = 0.8  # share of steps with a teacher, which costs 1/6 of a step
    shifted_share: float = 0.08  # share of steps that start at a later position of the encoding
    fast_emit: float = 0.005
    nodes: int = 7000  # maximum transducer grid nodes per step, since long utterances are costly
    rooms: int = 250  # number of simulated rooms
    seed: int = 1
    save_seconds: float = 180.0  # between checkpoints
    bad_steps: int = 50  # consecutive non-finite steps that end the run with an error


# Trains only the encoder, without transcripts.
DISTIL = Plan(
    minutes=40, encoder_rate=1.2e-4, branch_rate=0.0, head_rate=0.0, decoder_rate=0.0,
    transducer=0.0, ctc=0.0, attention=0.0, soft=0.0, distance_share=1.0, warm_steps=0,
)  # fmt: skip
# An LSTM starts from random weights.
LSTM = Plan(warm_steps=0, encoder_rate=1e-3, distance_share=1.0, through=1.0)
PLANS = {"joint": Plan(), "distil": DISTIL, "lstm": LSTM}
