"""Formats the results of an evaluation as Markdown for `models/RESULTS.md` or as JSON.

In: the rows of all tables. Out: text with the command, data and sizes of all results.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from auricle_train.evaluation.measures import Delay, Endings, Lost, Row
from auricle_train.evaluation.partials import Partials
from auricle_train.text.word_errors import Share


@dataclass(frozen=True)
class Report:
    """The results of one evaluation."""

    command: str
    bundle: str  # name and version
    size: int  # bytes of the bundle's files
    sets: Sequence[Row]
    lengths: Sequence[Row]
    speakers: Sequence[Row]
    noise: Sequence[Row]  # empty when none was asked for
    lost: Sequence[Lost]
    delays: Sequence[Delay]
    partials: Partials
    endings: Endings
    real_time_factors: Mapping[str, float]  # by reader

    def json(self) -> str:
        """Return the report as one JSON object."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def markdown(self) -> str:
        """Return the report as Markdown tables."""
        parts = [
            f"### {self.bundle}, {self.size / 1e6:.1f} MB",
            f"`{self.command}`",
            "Word error rate with its 95 % interval. `whole`: all of the recording decoded; "
            "`session`: as the end-pointers close it; both streaming.",
            _word_errors("set", self.sets),
            _word_errors("length", self.lengths),
            _word_errors("speaker", self.speakers),
            _word_errors("noise", self.noise),
            _table(
                ("", "first word lost", "last word lost", "real-time factor, one thread"),
                (
                    (one.reader, one.first, one.last, f"{self.real_time_factors[one.reader]:.3f}")
                    for one in self.lost
                ),
            ),
            _table(
                ("known", "median", "90th percentile", "count"),
                ((one.name, _median(one), f"{one.ninth:.2f} s", one.count) for one in self.delays),
            ),
            _table(
                ("partial results", ""),
                (
                    ("texts", self.partials.told),
                    ("of these, taking back a shown word", _counted(self.partials.taken_back)),
                    ("word error rate of the last one", self.partials.last),
                    ("words of the last ones that are settled", _counted(self.partials.settled)),
                    (
                        "of these, the same in the final text, up to there",
                        _counted(self.partials.kept),
                    ),
                ),
            ),
            _table(
                ("sessions", ""),
                (
                    ("the first speculative result stood", _counted(self.endings.agreed)),
                    ("cut off before the end of speech", _counted(self.endings.cut_off)),
                    ("ended without a result", _counted(self.endings.silent)),
                ),
            ),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def _median(one: Delay) -> str:
    return f"{one.median:.2f} s [{one.low:.2f}, {one.high:.2f}]"


def _counted(one: Share) -> str:
    return f"{one.count} of {one.total} = {one}"


def _word_errors(what: str, rows: Sequence[Row]) -> str:
    """Return a table of word error rates, one column per recogniser; empty without rows."""
    if not rows:
        return ""
    readers = list(rows[0].scores)
    return _table(
        (what, "clips", "words", *readers),
        ((one.name, one.utterances, one.words, *one.scores.values()) for one in rows),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
