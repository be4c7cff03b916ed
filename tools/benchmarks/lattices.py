"""Measure the lattices sent to the reranker: oracle errors, size, and the gain of rescoring.

In: recordings of dev sets, or cached lattices of them, and a bundle of the reranker. Out: for each
pruning beam, the oracle word error rate (the best path through the lattice) and the bytes on the
wire; then word errors before and after the reranker, all with 95 % intervals. Weights are tuned on
one half of the clips and reported on the other.

`python -m benchmarks.lattices --data DATA --limit N` with `PYTHONPATH=tools:daemon`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auricle.context.entries import Context
from auricle.errors import RefusedError
from auricle.lattice.lattice import Lattice
from auricle.privacy.outgoing import Outgoing, pack
from auricle.privacy.redaction import names_of
from auricle_train.data.corpus import REAL_DEV
from auricle_train.text.normalizer import normalize
from auricle_train.text.word_errors import RESAMPLES, Errors, compare, score
from benchmarks.heard_lattices import Heard, hear
from reranker.language_model import Language
from reranker.ranking import CONSIDERED, Weights, lattice_of
from reranker.serving import load_language

BEAMS = (0.0, 1.0, 2.0, 4.0, 8.0, 12.0)
USUAL = 12  # maximum words of a typical command
LANGUAGE_WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
REWARDS = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
NAMES = names_of(Context())


@dataclass(frozen=True)
class Sent:
    """A lattice as it is sent."""

    heard: Heard
    outgoing: Outgoing | None  # None: it may not be sent

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return 0 if self.outgoing is None else len(self.outgoing.data)

    @property
    def before(self) -> str:
        """The daemon's result without a reranker."""
        return self.heard.lattice.best_path().text


@dataclass(frozen=True)
class Judged:
    """The readings of a sent lattice, with their scores and errors."""

    said: str
    before: str
    texts: Sequence[str]
    lattice: Sequence[float]  # nats
    language: Sequence[float]  # nats
    errors: Sequence[Errors]
    unread: Errors  # of `before`

    def best(self, weights: Weights) -> Errors:
        """Return the errors of the best reading under given weights."""
        if len(self.texts) < 2:
            return self.unread
        totals = [
            lattice + weights.language * language + weights.reward * len(text.split())
            for text, lattice, language in zip(self.texts, self.lattice, self.language, strict=True)
        ]
        return self.errors[int(np.argmax(totals))]


def send(heard: Heard, beam: float) -> Sent:
    """Return a lattice as sent after pruning to a beam."""
    if not heard.lattice.best_path().words:
        return Sent(heard, None)
    try:
        return Sent(heard, pack(heard.lattice.prune(beam), "en", NAMES, redact=False))
    except RefusedError:
        return Sent(heard, None)


def oracle(sent: Sent) -> Errors:
    """Return the fewest errors of any path of the sent lattice, or else those of the result."""
    if sent.outgoing is None:
        return compare(sent.heard.said, sent.before)
    words = normalize(sent.heard.said).split()
    errors = fewest_errors(lattice_of(sent.outgoing.question), words)
    return Errors(errors, len(words), first_lost=False, last_lost=False)


def fewest_errors(lattice: Lattice, words: Sequence[str]) -> int:
    """Return the minimum edit distance between any path and `words`."""
    count = len(words)
    # rows[state][place]: minimum distance of paths to the state from the first `place` words
    rows = np.full((lattice.states, count + 1), np.inf)
    rows[0] = np.arange(count + 1)
    for arc in lattice.arcs:  # in the order of their sources
        before = rows[arc.source]
        for said in normalize(arc.word).split() or [""]:
            after = before + 1
            same = np.array([word == said for word in words], bool)
            after[1:] = np.minimum(after[1:], before[:-1] + np.where(same, 0, 1))
            for place in range(count):
                after[place + 1] = min(after[place + 1], after[place] + 1)
            before = after
        rows[arc.target] = np.minimum(rows[arc.target], before)
    return int(rows[lattice.final, count])


def table_of_sizes(heard: Sequence[Heard], beams: Sequence[float]) -> Iterator[str]:
    """Yield a table row for each beam."""
    usual = [one for one in heard if len(one.said.split()) <= USUAL]
    yield f"| beam, nats | oracle WER | readings, median | bytes: median, 95th percentile, maximum \
| typical commands ({len(usual)}) | nothing sent |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for beam in beams:
        sent = [send(one, beam) for one in heard]
        rate = score([oracle(one) for one in sent])
        sizes = [one.size for one in sent if one.size]
        small = [one.size for one in sent if one.size and one.heard in usual]
        counts = [
            len(one.outgoing.lattice.nbest(CONSIDERED)) for one in sent if one.outgoing is not None
        ]
        lost = len(sent) - len(sizes)
        yield f"| {beam:g} | {rate} | {np.median(counts):g} | {_spread(sizes)} | {_spread(small)} \
| {lost} |"


def _spread(sizes: Sequence[int]) -> str:
    if not sizes:
        return "-"
    middle, high = np.percentile(sizes, [50, 95])
    return f"{middle:.0f}, {high:.0f}, {max(sizes)}"


def judge(sent: Sequence[Sent], language: Language, count: int) -> list[Judged]:
    """Return what lattices and language model say of the readings of what leaves."""
    judged = []
    for one in sent:
        paths = () if one.outgoing is None else lattice_of(one.outgoing.question).nbest(count)
        (scores,) = language.score([[path.words for path in paths]])
        kept = paths[: len(scores)]
        judged.append(
            Judged(
                said=one.heard.said,
                before=one.before,
                texts=[path.text for path in kept],
                lattice=[path.score for path in kept],
                language=scores,
                errors=[compare(one.heard.said, path.text) for path in kept],
                unread=compare(one.heard.said, one.before),
            )
        )
    return judged


def tune(judged: Sequence[Judged]) -> Weights:
    """Return the weights with the fewest errors; of several, the smallest."""
    choices = [Weights(language, reward) for language in LANGUAGE_WEIGHTS for reward in REWARDS]

    def rank(weights: Weights) -> tuple[float, float, float]:
        errors = sum(one.best(weights).errors for one in judged)
        return errors, weights.language, abs(weights.reward)

    return min(choices, key=rank)


def gain(judged: Sequence[Judged], weights: Weights) -> str:
    """Return the reduction of the word error rate, with its interval."""
    pairs = np.array(
        [(one.unread.errors - one.best(weights).errors, one.unread.words) for one in judged]
    )
    drawn = np.random.default_rng(0).integers(0, len(pairs), (RESAMPLES, len(pairs)))
    sums = pairs[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    total = pairs.sum(axis=0)
    return f"{total[0] / total[1]:+.2%} [{low:+.2%}, {high:+.2%}]"


def table_of_gains(by_set: Mapping[str, Sequence[Judged]], weights: Weights) -> Iterator[str]:
    """Yield a table row for each set, and one for all."""
    yield "| set | clips | words | before | after | fewer errors | changed | best in the lattice |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    every = [one for some in by_set.values() for one in some]
    for name, some in (*by_set.items(), ("all", every)):
        if not some:
            continue
        before = score([one.unread for one in some])
        after = score([one.best(weights) for one in some])
        fewest = score([min((one.unread, *one.errors), key=lambda e: e.errors) for one in some])
        changed = sum(one.best(weights).errors != one.unread.errors for one in some)
        yield f"| {name} | {len(some)} | {before.words} | {before} | {after} | \
{gain(some, weights)} | {changed} | {fewest.rate:.1%} |"


def measure(arguments: argparse.Namespace, second_pass: str, language: Language) -> None:
    """Print the results for one mode of the second pass."""
    heard = hear(arguments.data, arguments.sets, arguments.limit, second_pass, arguments.keep)
    before = score([compare(one.said, one.lattice.best_path().text) for one in heard])
    print(f"\nsecond pass: {second_pass}; {len(heard)} clips; word errors {before}\n")
    print("\n".join(table_of_sizes(heard, arguments.beams)), flush=True)
    sent = [send(one, arguments.beam) for one in heard]
    judged = judge(sent, language, arguments.readings)
    halves = [[at for at, one in enumerate(heard) if one.place % 2 == half] for half in (0, 1)]
    weights = arguments.weights or tune([judged[at] for at in halves[0]])
    print(
        f"\nlanguage model: {weights.language:g}, reward {weights.reward:g} per word; "
        f"{'as given' if arguments.weights else 'tuned on the other half'}; beam "
        f"{arguments.beam:g}, {arguments.readings} readings\n"
    )
    told = {
        name: [judged[at] for at in halves[1] if heard[at].set_name == name]
        for name in arguments.sets
    }
    print("\n".join(table_of_gains(told, weights)), flush=True)


def _weights(text: str) -> Weights:
    language, reward = map(float, text.split(","))
    return Weights(language, reward)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="+", default=list(REAL_DEV))
    parser.add_argument("--limit", type=int, default=25, metavar="CLIPS", help="per set; 0: all")
    parser.add_argument("--second-pass", nargs="+", default=["full"])
    parser.add_argument("--bundle", default="models/reranker-en", help="folder, or hf:NAME")
    parser.add_argument("--beams", type=float, nargs="+", default=list(BEAMS))
    parser.add_argument("--beam", type=float, default=8.0, help="pruning beam for rescoring")
    parser.add_argument("--readings", type=int, default=CONSIDERED)
    parser.add_argument("--weights", type=_weights, metavar="LANGUAGE,REWARD")
    parser.add_argument("--keep", type=Path, help="folder that caches lattices")
    arguments = parser.parse_args()
    language, _ = load_language(arguments.bundle)
    for second_pass in arguments.second_pass:
        measure(arguments, second_pass, language)


if __name__ == "__main__":
    main()
