"""Puts what an evaluation has measured into the manifest of the bundle.

In: a report and the bundle's folder. Out: `results` in `manifest.yaml`, by mode of the second pass:
the command, and word error rates in percent with their 95 % intervals, by set. A released bundle
holds such results; `tests/bundle/test_manifest.py` refuses one without.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from auricle.bundle.manifest import load_bundle
from auricle_train.evaluation.measures import SESSION, WHOLE
from auricle_train.evaluation.report import Report
from auricle_train.text.word_errors import Score

PASSES = {"off": "first_pass", "rescore": "rescored", "full": "both_passes"}


def keep_results(folder: Path, mode: str, report: Report) -> None:
    """Replace what the manifest tells of one mode of the second pass.

    Args:
        folder: where the bundle lies.
        mode: a key of `PASSES`.
        report: measured with that bundle in that mode.

    Raises:
        ModelError: the folder holds no whole bundle.
    """
    load_bundle(folder, "recognizer")
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    manifest["results"] = (manifest["results"] or {}) | {PASSES[mode]: _results(report)}
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    path.write_text(text, encoding="utf-8")


def _results(report: Report) -> dict[str, Any]:
    return {
        "command": report.command,
        "word_error_rate_percent": {
            row.name: {
                "recordings": row.utterances,
                "words": row.words,
                "whole": _percent(row.scores[WHOLE]),
                "session": _percent(row.scores[SESSION]),
            }
            for row in report.sets
        },
    }


def _percent(score: Score) -> dict[str, float]:
    return {
        "rate": round(100 * score.rate, 1),
        "low": round(100 * score.low, 1),
        "high": round(100 * score.high, 1),
    }
