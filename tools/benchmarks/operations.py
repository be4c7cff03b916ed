"""Count the multiply-accumulate operations (MAC) of the networks per second of audio.

In: the shipped models and test recordings. Out: one line each for wake words, first pass, and both
passes. It counts the operators of the graphs that the daemon's pipeline runs, with their shapes in
each run. It does not count features, search and Python.

    PYTHONPATH=daemon:tools python -m benchmarks.operations
"""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from auricle.audio.file import FileSource
from auricle.audio.source import frames
from auricle.audio.vad import VoiceActivity
from auricle.config.schema import Config
from auricle.offline.detection import detect
from auricle.offline.transcription import transcribe_whole
from auricle.service.assembly import budget_of, load_models
from auricle.tflite.packages import find_runtime

RECORDINGS = Path(__file__).parents[2] / "tests" / "recordings"
SENTENCES = ("must_sleep", "why_are_you_here", "slightest_idea", "momentum_gained")
MILLION = 1e6


def multiplications(operator: str, shapes: dict[int, tuple[int, ...]], tensors: Any) -> int:
    """Return the number of multiply-accumulate operations of an operator.

    Args:
        operator: TFLite name of the operator.
        shapes: shapes of all tensors of the graph, by index.
        tensors: details of the operator, with the indices of its inputs and outputs.
    """
    if not len(tensors["outputs"]):  # it only writes a variable
        return 0
    inputs = [shapes.get(int(index), ()) for index in tensors["inputs"]]
    made = math.prod(shapes.get(int(tensors["outputs"][0]), ()))
    match operator:
        case "FULLY_CONNECTED" | "BATCH_MATMUL":  # each output sums over the inner dimension
            return made * inputs[0][-1]
        case "CONV_2D":  # weights: (outputs, height, width, inputs)
            return made * math.prod(inputs[1][1:])
        case "DEPTHWISE_CONV_2D":  # weights: (1, height, width, outputs)
            return made * math.prod(inputs[1][1:3])
    return 0


@contextmanager
def counted(counts: Counter[str]) -> Iterator[Callable[[str], None]]:
    """Count the operations of every graph that runs; yield a function that sets their name."""
    module = importlib.import_module(f"{find_runtime()}.interpreter")
    real = module.Interpreter
    current = [""]

    class Counting(real):  # type: ignore[misc, valid-type]
        known: dict[Any, int]

        def count(self, key: Any) -> None:
            if not hasattr(self, "known"):
                self.known = {}
            if key not in self.known:
                details = self.get_tensor_details()
                shapes = {each["index"]: tuple(map(int, each["shape"])) for each in details}
                self.known[key] = sum(
                    multiplications(each["op_name"], shapes, each)
                    for each in self._get_ops_details()
                )
            counts[current[0]] += self.known[key]

        def invoke(self) -> None:
            super().invoke()
            self.count(tuple(tuple(each["shape"]) for each in self.get_input_details()))

        def get_signature_runner(self, signature_key: str | None = None) -> Any:
            runner = super().get_signature_runner(signature_key)
            return CountedRunner(runner, self)

    class CountedRunner:
        def __init__(self, runner: Any, graph: Counting) -> None:
            self._runner, self._graph = runner, graph

        def __call__(self, **inputs: Any) -> Any:
            made = self._runner(**inputs)
            self._graph.count(tuple(sorted((name, each.shape) for name, each in inputs.items())))
            return made

        def __getattr__(self, name: str) -> Any:
            return getattr(self._runner, name)

    def name_it(name: str) -> None:
        current[0] = name

    module.Interpreter = Counting
    try:
        yield name_it
    finally:
        module.Interpreter = real


def main() -> None:
    """Print the counts."""
    counts: Counter[str] = Counter()
    with counted(counts) as name_it:
        name_it("start")
        config = Config()
        models = load_models(config, budget_of(config))
        alone = replace(config, recognizer=replace(config.recognizer, second_pass="off"))
        first = load_models(alone, budget_of(alone), wake=False)
        seconds = 0.0
        for sentence in SENTENCES:
            file = RECORDINGS / f"{sentence}.opus"
            name_it("first pass")
            with FileSource(file) as source:
                seconds += transcribe_whole(frames(source), first.recognizer).seconds
            name_it("both passes")
            with FileSource(file) as source:
                transcribe_whole(frames(source), models.recognizer)
            name_it("wake words")
            assert models.wake is not None
            with FileSource(file) as source:
                voice = VoiceActivity()
                for _ in detect(frames(source), models.wake, voice, open_gate=True):
                    pass
    for name in ("wake words", "first pass", "both passes"):
        print(f"{name:12} {counts[name] / seconds / MILLION:8.0f} million MAC per second of audio")


if __name__ == "__main__":
    main()
