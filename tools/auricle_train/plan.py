"""What one training run does: its length, rates, weights of losses, and data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What one run does."""

    minutes: float = 90.0  # wall time over all resumptions; the learning rate ends at 0 then
    decay: float = 0.35  # share of that time in which it falls
    warm_steps: int = 250  # steps on the CTC head alone: without, CTC lingers at blanks for hours
    batch_seconds: float = 36.0  # audio of one step, of each process
    encoder_rate: float = 2.2e-4  # peak learning rates; what has none is frozen
    branch_rate: float = 2.2e-4
    head_rate: float = 1.2e-3
    decoder_rate: float = 1e-5  # more makes it forget what Whisper knows
    transducer: float = 1.0  # weights of the losses; what has none is not computed
    ctc: float = 0.4
    attention: float = 1.0
    distance: float = 4.0
    through: float = 1.0  # share of the second pass' gradient that the encoder takes
    first_through: float = 0.1  # and of the first pass', what both share
    soft: float = 0.0  # of what the teacher's decoder says of the next piece
    distance_share: float = 0.4  # of the steps: the teacher costs a sixth of a step
    shifted_share: float = 0.08  # of the steps: begin at a later position; long recordings do
    fast_emit: float = 0.005
    nodes: int = 7000  # of the transducer's grid in a step: long utterances would cost most of it
    rooms: int = 250  # that are simulated, for some of the utterances to sound in
    seed: int = 1
    save_seconds: float = 180.0
    bad_steps: int = 50  # in a row, of losses that are not finite, after which the run is given up


# First the encoder alone learns to hear as its teacher does; then both passes learn to read it.
# All at once drew it away from Whisper, on whose hearing of other voices everything rests.
DISTIL = Plan(
    minutes=40, decay=0.45, encoder_rate=1.2e-4, branch_rate=0.0, head_rate=0.0, decoder_rate=0.0,
    transducer=0.0, ctc=0.0, distance=10.0, distance_share=1.0, through=0.3, warm_steps=0,
)  # fmt: skip
PASSES = Plan(
    minutes=36, decay=0.5, batch_seconds=44, encoder_rate=0.0, branch_rate=2.5e-4, head_rate=7e-4,
    distance=0.0, distance_share=0.0,
)  # fmt: skip
# An LSTM has no weights to begin with, so the teacher is heard at every step.
LSTM = Plan(warm_steps=0, encoder_rate=1e-3, distance_share=1.0)
PLANS = {"joint": Plan(), "distil": DISTIL, "passes": PASSES, "lstm": LSTM}
