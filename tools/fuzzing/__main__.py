"""Fuzz targets for some minutes, or run one input again.

    PYTHONPATH=tools python -m fuzzing [--minutes 10] [--target NAME]
    PYTHONPATH=tools python -m fuzzing --target NAME --input FILE

In: tests/fuzz. Out: failing inputs in build/fuzz/NAME, one per place in the code. The exit status
is 1 if there are any. All targets together take the given minutes.
"""

from __future__ import annotations

import argparse
import math
import re
import subprocess
import sys
from pathlib import Path

from fuzzing.engines import has_atheris, run_atheris, run_mutations
from fuzzing.targets import Target, find_targets

FAILURES = ("failure-", "slow-", "crash-", "timeout-", "oom-")
BUILD = Path(__file__).parents[2] / "build" / "fuzz"
GRACE_SECONDS = 120.0  # for the start, and for the last input


def main() -> int:
    """Fuzz; return the exit status."""
    targets = find_targets()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--target", choices=sorted(targets), help="only this one")
    parser.add_argument("--inputs", type=int, help="so many random mutations of each target")
    parser.add_argument("--input", type=Path, help="run this input once, without catching errors")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=BUILD, help="folder for failing inputs")
    parser.add_argument("--atheris", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    chosen = [targets[arguments.target]] if arguments.target else [*targets.values()]
    if arguments.input is not None:
        if arguments.target is None:
            parser.error("--input needs --target")
        chosen[0].load()(arguments.input.read_bytes())
        return 0
    seconds = 60 * arguments.minutes / max(1, len(chosen))
    if arguments.atheris:
        run_atheris(chosen[0], seconds, arguments.out / chosen[0].name, arguments.seed)
        return 0
    if arguments.inputs is not None:
        out, seed = arguments.out, arguments.seed
        failed = [path for each in chosen for path in mutate(each, arguments.inputs, out, seed)]
        return 1 if failed else 0
    engine = "atheris" if has_atheris() else "random mutations; atheris is not installed"
    print(f"{len(chosen)} targets, {seconds:.0f} s each, by {engine}")
    failed = [
        path for target in chosen for path in fuzz(target, seconds, arguments.out, arguments.seed)
    ]
    return 1 if failed else 0


def fuzz(target: Target, seconds: float, out: Path, seed: int) -> list[Path]:
    """Fuzz a target, print what came of it, and return the failing inputs of this run."""
    before = set(_failures(out / target.name))
    calls = (
        _run_in_process(target, seconds, out, seed)
        if has_atheris()
        else run_mutations(target, seconds, out / target.name, seed).calls
    )
    return _show(target, calls, out, before)


def mutate(target: Target, inputs: int, out: Path, seed: int) -> list[Path]:
    """Run so many random mutations, print what came of them, and return the failing inputs."""
    before = set(_failures(out / target.name))
    calls = run_mutations(target, math.inf, out / target.name, seed, inputs).calls
    return _show(target, calls, out, before)


def _show(target: Target, calls: int, out: Path, before: set[Path]) -> list[Path]:
    """Print the failing inputs that are not in `before`, with the command that repeats each."""
    new = [path for path in _failures(out / target.name) if path not in before]
    print(f"{target.name}: {calls} inputs, {len(new)} failures")
    for path in new:
        print(f"  python -m fuzzing --target {target.name} --input {path}")
    if new:
        print(f"  Mend the code, and move the input to tests/fuzz/corpus/{target.name}.")
    return new


def _run_in_process(target: Target, seconds: float, out: Path, seed: int) -> int:
    """Run atheris in a process; return the number of inputs."""
    command = [sys.executable, "-m", "fuzzing", "--atheris", "--target", target.name]
    command += ["--minutes", str(seconds / 60), "--out", str(out), "--seed", str(seed)]
    out.mkdir(parents=True, exist_ok=True)
    log = out / f"{target.name}.log"
    with log.open("wb") as file:
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                timeout=seconds + GRACE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            folder = out / target.name
            folder.mkdir(exist_ok=True)
            (folder / "timeout-unknown").write_bytes(b"")
    text = log.read_text(encoding="utf-8", errors="replace")
    counted = re.findall(r"number_of_executed_units: (\d+)|^#(\d+)\s", text, re.MULTILINE)
    if not counted:
        raise SystemExit(f"{target.name} does not start; see {log}")
    return max(int(final or line) for final, line in counted)


def _failures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.startswith(FAILURES))


if __name__ == "__main__":
    sys.exit(main())
