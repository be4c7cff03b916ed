"""Settings of a training run of the top: length, learning rates, loss weights, batch size."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from typing import TypeVar


@dataclass(frozen=True)
class TopPlan:
    """Settings of `train-top`. Hours count the audio of all steps, including resumed runs."""

    hours: float = 300.0  # end of the run
    decay_hours: float = 80.0  # the learning rate falls to 0 over these last hours
    rate: float = 1e-3  # peak learning rate of AdamW
    # Peak learning rate of Muon, which trains the matrices of the layers; 0: AdamW trains all.
    # Muon needs 25 % fewer hours for the same loss, but 1.25 times the time per step.
    matrix_rate: float = 2e-3
    warm_steps: int = 300  # steps over which the learning rate rises
    weight_decay: float = 0.02
    dropout: float = 0.1
    batch_seconds: float = 100.0  # audio per step and process
    ctc_hours: float = 10.0  # first hours with CTC only: the transducer then learns faster
    ctc: float = 0.5  # weight of CTC; all losses are in nats per token
    simple: float = 0.5  # weight of the simple joint, which prunes
    transducer: float = 1.0  # weight of the pruned transducer loss
    fast_emit: float = 0.005
    average: float = 0.999  # decay per step of the moving average of the weights
    seed: int = 1
    save_seconds: float = 180.0  # between checkpoints
    dev_seconds: float = 600.0  # between measurements on the dev clips


@dataclass(frozen=True)
class MwerPlan(TopPlan):
    """Settings of `train-mwer`, which starts from a trained top."""

    hours: float = 12.0
    decay_hours: float = 8.0
    rate: float = 1e-4
    warm_steps: int = 20
    batch_seconds: float = 80.0
    ctc_hours: float = 0.0
    average: float = 0.99
    expected: float = 1.0  # weight of the expected word errors; 0: control run
    likelihood: float = 0.1  # weight of the losses of `train-top`
    ctc_share: float = 0.3  # CTC's share of a hypothesis score; the rest is the transducer's
    refresh_hours: float = 0.0  # decode new lists after each such interval; 0: never


@dataclass(frozen=True)
class LivePlan(TopPlan):
    """Settings of `train-live`: short runs on a GPU with large batches."""

    hours: float = 300.0
    decay_hours: float = 100.0
    batch_seconds: float = 400.0
    ctc_hours: float = 0.0
    warm_steps: int = 50
    average: float = 0.998
    save_seconds: float = 120.0
    dev_seconds: float = 1e9  # measure only at the end


P = TypeVar("P", bound=TopPlan)


def add_plan(parser: argparse.ArgumentParser, plan: type[TopPlan]) -> None:
    """Add one option per field of a plan."""
    group = parser.add_argument_group("plan", "`top/plan.py` explains them")
    for field in fields(plan):
        option = "--" + field.name.replace("_", "-")
        group.add_argument(option, type=type(field.default), help=f"default: {field.default}")


def plan_of(arguments: argparse.Namespace, plan: type[P]) -> P:
    """Return the plan given by the options of `add_plan`."""
    given = {field.name: getattr(arguments, field.name) for field in fields(plan)}
    return plan(**{name: value for name, value in given.items() if value is not None})
