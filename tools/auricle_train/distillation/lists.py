"""Writes the lists of pseudo-labels and excluded clips, and counts the verdicts.

In: labels, criteria, a folder. Out: `labels.tsv` (id, text) for `train --labels`; `exclude.txt`,
one clip name per line, for `train --exclude`; counts by set and verdict.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from auricle_train.distillation.labels import Label
from auricle_train.distillation.selection import EXCLUDED, Criteria, Verdict, judge, pseudo_label

Counts = dict[str, Counter[Verdict]]  # by origin


def write_lists(labels: Iterable[Label], criteria: Criteria, folder: Path) -> Counts:
    """Write both files; return the counts."""
    counts: Counts = {}
    texts, excluded = ["id\ttext"], []
    for label in labels:
        verdict = judge(label, criteria)
        counts.setdefault(label.origin, Counter())[verdict] += 1
        if verdict is Verdict.LABELLED:
            texts.append(f"{label.clip}\t{pseudo_label(label, criteria.prefer)}")
        elif verdict in EXCLUDED:
            excluded.append(label.clip)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "labels.tsv", texts)
    _write(folder / "exclude.txt", excluded)
    return counts


def table(counts: Counts) -> str:
    """Return the counts and shares, one line per set and verdict."""
    lines = []
    for origin, found in counts.items():
        for verdict in Verdict:
            if count := found[verdict]:
                share = count / found.total()
                lines.append(f"{origin:30}{verdict.value:38}{count:7}{share:8.1%}")
    return "\n".join(lines)


def _write(path: Path, lines: list[str]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.replace(partial, path)
