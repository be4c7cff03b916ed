"""The worst habits of language stay out: phrases that no reader understands at first reading."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KINDS = (".py", ".md", ".yaml", ".xml", ".cfg", ".toml", ".1", ".service", ".sh")
# Reports of the past, and this list itself.
LEFT_OUT = ("models/archive", "tests/fuzz/corpus", "tests/test_plain_english.py", "etc/intents")
HABITS = {
    "is none": r"\b(is|are) none\b",
    "is had": r"\b(is|are) (not )?had\b",
    "that there is": r"\bthat there (is|are)[.,;:)]",
    "a bare genitive as an Args entry": r"^ {8,}\w+: of [^.;:(]{1,40}\.$",
    "a script that is not kept": r"\bscripts? that (is|was|are|were) not kept\b",
    "knows us not": r"\b(knows|lets|tells) (us|it|them) not\b",
}


def texts() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed
            if name.endswith(KINDS) and not name.startswith(LEFT_OUT)]  # fmt: skip


@pytest.mark.parametrize("habit", HABITS)
def test_a_bad_habit_stays_out(habit: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts() if path.exists()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(HABITS[habit], line)
    ]  # fmt: skip
    assert not found, "\n".join(["rewrite in plain English (CONTRIBUTING.md):", *found])
