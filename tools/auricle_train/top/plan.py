"""What one run of the top's training does: its length, rates, weights of losses, batches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TopPlan:
    """See the module. Hours are of audio heard since the first step, over all resumptions."""

    hours: float = 300.0  # at which the run ends
    decay_hours: float = 80.0  # last part of them, in which the learning rate falls to 0
    rate: float = 1e-3  # peak learning rate of AdamW
    # Peak rate of Muon, which takes the layers' matrices; 0: AdamW takes all. It needs a quarter
    # fewer hours for the same loss, at 1.25 times the time a step.
    matrix_rate: float = 2e-3
    warm_steps: int = 300  # in which the rate rises
    weight_decay: float = 0.02
    dropout: float = 0.1
    batch_seconds: float = 100.0  # of audio in a step, of each process
    ctc_hours: float = 10.0  # at the start, on CTC alone: the transducer then learns faster
    ctc: float = 0.5  # weights of the losses, each in nats a token
    simple: float = 0.5  # of the joint that prunes
    transducer: float = 1.0
    fast_emit: float = 0.005
    average: float = 0.999  # decay a step of the moving average of the weights
    seed: int = 1
    save_seconds: float = 180.0
    dev_seconds: float = 600.0  # between looks at the dev clips
