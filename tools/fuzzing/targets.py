"""Finds the fuzz targets and their corpora.

In: the folder tests/fuzz. Out: for each module test_NAME.py that defines `fuzz_one`, its name, and
the inputs in corpus/NAME: seeds, and inputs that once failed.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "tests" / "fuzz"
ENTRY = "fuzz_one"

FuzzOne = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A function to fuzz."""

    name: str
    module: Path
    corpus: Path  # folder; may be missing

    def load(self) -> FuzzOne:
        """Import the module and return its `fuzz_one`."""
        name = f"fuzz_target_{self.name}"
        specification = importlib.util.spec_from_file_location(name, self.module)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        specification.loader.exec_module(module)
        fuzz_one: FuzzOne = module.fuzz_one
        return fuzz_one

    def inputs(self) -> list[Path]:
        """Return the files of the corpus, sorted by name."""
        if not self.corpus.is_dir():
            return []
        return sorted(file for file in self.corpus.iterdir() if file.is_file())


def find_targets(folder: Path = FOLDER) -> dict[str, Target]:
    """Return the targets of a folder by name."""
    targets = {}
    for module in sorted(folder.glob("test_*.py")):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == ENTRY for node in tree.body):
            name = module.stem.removeprefix("test_")
            targets[name] = Target(name, module, folder / "corpus" / name)
    return targets
