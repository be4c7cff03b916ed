"""What one run of the top's training does: its length, rates, weights of losses, batches."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from typing import TypeVar


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


@dataclass(frozen=True)
class MwerPlan(TopPlan):
    """What a run of minimum word error rate training does, from the weights of a trained top."""

    hours: float = 12.0
    decay_hours: float = 8.0
    rate: float = 1e-4
    warm_steps: int = 20
    batch_seconds: float = 80.0
    ctc_hours: float = 0.0
    average: float = 0.99
    expected: float = 1.0  # weight of expected word errors; 0: a run to compare with
    likelihood: float = 0.1  # weight of the losses of `train-top`
    ctc_share: float = 0.3  # of CTC in a hypothesis' score, the rest is the transducer's
    refresh_hours: float = 0.0  # after which the lists are decoded anew; 0: never


@dataclass(frozen=True)
class LivePlan(TopPlan):
    """What a packed job does on a machine that is at hand for minutes."""

    hours: float = 300.0
    decay_hours: float = 100.0
    batch_seconds: float = 400.0
    ctc_hours: float = 0.0
    warm_steps: int = 50
    average: float = 0.998
    save_seconds: float = 120.0
    dev_seconds: float = 1e9  # at the end of a leg alone


P = TypeVar("P", bound=TopPlan)


def add_plan(parser: argparse.ArgumentParser, plan: type[TopPlan]) -> None:
    """Add an option for each field of a plan."""
    group = parser.add_argument_group("plan", "see `top/plan.py`")
    for field in fields(plan):
        option = "--" + field.name.replace("_", "-")
        group.add_argument(option, type=type(field.default), help=f"default: {field.default}")


def plan_of(arguments: argparse.Namespace, plan: type[P]) -> P:
    """Return the plan that the options of `add_plan` ask for."""
    given = {field.name: getattr(arguments, field.name) for field in fields(plan)}
    return plan(**{name: value for name, value in given.items() if value is not None})
