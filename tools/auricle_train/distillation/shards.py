"""Maps work over shards: in this process, or with Ray over processes and machines.

In: shards, and a function that creates a worker, which loads its models once per process. Out:
results, in any order. At most one shard per worker is read ahead. Ray is used only for more than
one worker: on the cluster in `RAY_ADDRESS`, or else on this machine.
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
    """Yield the result of a worker for each shard; `make`, which must be picklable, creates it."""
    if workers > 1 and find_spec("ray"):
        return _map_with_ray(make, shards, workers)
    return map(make(), shards)


class _Actor:
    """Keeps a worker and its models in a Ray process."""

    def __init__(self, make: Callable[[], Callable[[Shard], Result]]) -> None:
        self._work = make()

    def run(self, shard: Shard) -> Result:
        return self._work(shard)


def _map_with_ray(
    make: Callable[[], Callable[[Shard], Result]], shards: Iterable[Shard], workers: int
) -> Iterator[Result]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # sends no usage statistics
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
