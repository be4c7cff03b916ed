"""Maps work over shards: in this process, or with Ray over processes and machines.

In: a function that makes the worker (which loads models, once a process) and shards. Out: results,
in any order. No more shards are read ahead than there are workers. Ray is asked only for more than
one worker; `RAY_ADDRESS` names a cluster, else it starts on this machine.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Shard = TypeVar("Shard")
Result = TypeVar("Result")


def cut(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut a stream into shards of at most `size`."""
    waiting = iter(items)
    while shard := list(islice(waiting, size)):
        yield shard


def map_shards(
    make: Callable[[], Callable[[Shard], Result]], shards: Iterable[Shard], workers: int
) -> Iterator[Result]:
    """Yield what a worker made by `make` gives for each shard; `make` must be picklable."""
    if workers > 1 and find_spec("ray"):
        return _map_with_ray(make, shards, workers)
    return map(make(), shards)


class _Actor:
    """Keeps one worker with its models in a process of Ray."""

    def __init__(self, make: Callable[[], Callable[[Shard], Result]]) -> None:
        self._work = make()

    def run(self, shard: Shard) -> Result:
        return self._work(shard)


def _map_with_ray(
    make: Callable[[], Callable[[Shard], Result]], shards: Iterable[Shard], workers: int
) -> Iterator[Result]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to its makers
    ray, util = importlib.import_module("ray"), importlib.import_module("ray.util")
    ray.init()
    try:
        pool = util.ActorPool([ray.remote(_Actor).remote(make) for _ in range(workers)])
        for shard in shards:
            if not pool.has_free():
                yield pool.get_next_unordered()
            pool.submit(lambda actor, one: actor.run.remote(one), shard)
        while pool.has_next():
            yield pool.get_next_unordered()
    finally:
        ray.shutdown()
