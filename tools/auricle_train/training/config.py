"""What one training run does: its length, rates, weights of losses, and data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What one run does."""

    minutes: float = 90.0  # wall time over all resumptions; the learning rate ends at 0 then
    decay: float = 0.6  # share of that time in which it falls
    warm_steps: int = 250  # steps on the CTC head alone: without, CTC lingers at blanks for hours
    batch_seconds: float = 44.0  # audio of one step, of each process
    encoder_rate: float = 6e-5  # peak learning rates; what has none is frozen
    branch_rate: float = 2.2e-4
    head_rate: float = 6e-4
    decoder_rate: float = 4e-5
    transducer: float = 1.0  # weights of the losses; what has none is not computed
    ctc: float = 0.4
    attention: float = 1.0
    distance: float = 10.0
    soft: float = 0.5  # of what the teacher's decoder says of the next piece
    # What a few hours of transcripts teach the encoder, it forgets of other voices: it learns to
    # hear as its teacher does, and takes little of what its readers want of it.
    through: float = 0.1  # share of the second pass' gradient that the encoder takes
    first_through: float = 0.02  # and of the first pass', what both share
    distance_share: float = 0.8  # of the steps: the teacher costs a sixth of a step
    shifted_share: float = 0.08  # of the steps: begin at a later position; long recordings do
    fast_emit: float = 0.005
    nodes: int = 7000  # of the transducer's grid in a step: long utterances would cost most of it
    rooms: int = 250  # that are simulated, for some of the utterances to sound in
    seed: int = 1
    save_seconds: float = 180.0
    bad_steps: int = 50  # in a row, of losses that are not finite, after which the run is given up


# The encoder alone, without transcripts.
DISTIL = Plan(
    minutes=40, encoder_rate=1.2e-4, branch_rate=0.0, head_rate=0.0, decoder_rate=0.0,
    transducer=0.0, ctc=0.0, attention=0.0, soft=0.0, distance_share=1.0, warm_steps=0,
)  # fmt: skip
# An LSTM has no weights to begin with.
LSTM = Plan(warm_steps=0, encoder_rate=1e-3, distance_share=1.0, through=1.0)
PLANS = {"joint": Plan(), "distil": DISTIL, "lstm": LSTM}
