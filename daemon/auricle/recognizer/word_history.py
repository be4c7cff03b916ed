"""Word histories of hypotheses: linked nodes that are shared and never change.

In: the words that hypotheses complete, and the hypotheses that the search merges. Out: the lattice
of all histories kept.

A `Node` is the end of a word; a `WordLink` ("branch") leads from the end of the word before to the
word in progress or to the node. The scores of branches are offsets: 0 for the best branch of a
node, and the distance behind it, in nats, for the others. The score of a path is the final score
plus the offsets along it, and the best path has no offsets. So a branch never has to be rescored
when the search continues.

The probabilities of alignments of the same words are added. Each path of the final lattice stands
for its own set of alignments, so the probabilities of all paths sum to that of everything searched.
The recombination is the path merging of Prabhavalkar et al., "Less is more: improved RNN-T
decoding using limited label context and path merging" (arXiv:2012.06749).

"Frame" in this module means search frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple

from auricle.lattice.lattice import MINUS_INFINITY, Arc, Lattice, log_add

_DIGEST_SIZE = 16  # bytes: enough that digests of different histories do not collide
_DIGITS = 6  # decimal places of scores in a lattice, so that its text form is exact
_TIME_DIGITS = 4


class WordLink(NamedTuple):
    """One way into a word: the words before it, and the frames of its tokens."""

    source: Node  # end of the word before
    offset: float  # acoustic plus graph score relative to the best branch, nats; <= 0
    graph: float  # graph score relative to that of the best branch, nats
    first: int  # frame of the word's first token; -1 before any token
    last: int  # frame of its last token so far; -1 before any token


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """The end of a word, reached by one or more branches."""

    word: str
    branches: tuple[WordLink, ...]  # best first; empty at the start of the utterance
    identity: bytes  # digest of the words on the best path; equal for equal words
    score: float  # natural log score of the best path at the end of the word
    graph: float  # graph score within that score


class WordLinks(NamedTuple):
    """All branches into the word in progress of a hypothesis."""

    branches: tuple[WordLink, ...]  # best first; the first has offset 0
    score: float  # natural log score of the best branch, acoustic plus graph score
    graph: float  # graph score within that score


class Endings(NamedTuple):
    """The last words of all histories of an utterance."""

    words: tuple[tuple[str, WordLink], ...]  # best first; the first has offset 0
    score: float  # natural log score of the best history
    graph: float  # graph score within that score


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much of the histories is kept."""

    alternatives: int  # branches of a node
    beam: float  # nats: a branch or alignment further behind the best one is dropped
    depth: int  # words back to which branches over the same words are merged with their sources


@dataclass(frozen=True, slots=True)
class Clock:
    """Converts frame numbers to seconds on the audio clock."""

    start_time: float  # start of the first frame, in seconds
    frame_seconds: float  # length of a frame
    frames: int  # number of frames searched

    def seconds(self, frame: int) -> float:
        """Return the start of a frame."""
        return round(self.start_time + frame * self.frame_seconds, _TIME_DIGITS)


START = Node("", (), bytes(_DIGEST_SIZE), 0.0, 0.0)


def begin() -> tuple[WordLink, ...]:
    """Return the branches of the empty hypothesis."""
    return (WordLink(START, 0.0, 0.0, -1, -1),)


def end_word(word: str, ways: WordLinks) -> tuple[WordLink, ...]:
    """Return the branches of a hypothesis whose word in progress has ended.

    Without a word in progress the branches do not change.
    """
    if not word:
        return ways.branches
    before = ways.branches[0].source.identity
    identity = blake2b(before + word.encode(), digest_size=_DIGEST_SIZE).digest()
    node = Node(word, ways.branches, identity, ways.score, ways.graph)
    return (WordLink(node, 0.0, 0.0, -1, -1),)


def emit_token(branches: tuple[WordLink, ...], frame: int, *, first: bool) -> tuple[WordLink, ...]:
    """Return the branches after a token of the word in progress was emitted.

    Args:
        branches: branches before the token.
        frame: index of the frame that emits the token.
        first: whether the token is the first of the word.
    """
    return tuple(
        WordLink(
            branch.source, branch.offset, branch.graph, frame if first else branch.first, frame
        )
        for branch in branches
    )


def merge(one: WordLinks, other: WordLinks, limits: HistoryLimits) -> WordLinks:
    """Return the branches of two merged hypotheses.

    Branches over the same words are alignments of the same text: their probabilities are added,
    and the times are those of the better one. All other branches are kept side by side.
    """
    return _merge(one, other, limits, limits.depth)


def _merge(one: WordLinks, other: WordLinks, limits: HistoryLimits, depth: int) -> WordLinks:
    """Return the merged branches; `depth`: words back to which sources are merged as well."""
    better, worse = (one, other) if one.score >= other.score else (other, one)
    if better.branches is worse.branches:
        return better._replace(score=log_add(better.score, worse.score))
    joined = {branch.source.identity: branch for branch in _absolute(better)}
    for branch in _absolute(worse):
        known = joined.get(branch.source.identity)
        joined[branch.source.identity] = (
            branch if known is None else _add_alignments(known, branch, limits, depth)
        )
    return _relative(list(joined.values()), limits)


def _absolute(ways: WordLinks) -> list[WordLink]:
    """Return the branches with absolute scores in place of offsets."""
    return [
        WordLink(source, ways.score + offset, ways.graph + graph, first, last)
        for source, offset, graph, first, last in ways.branches
    ]


def _relative(branches: list[WordLink], limits: HistoryLimits) -> WordLinks:
    """Return the best of branches with absolute scores, with offsets in their place."""
    branches.sort(key=lambda branch: -branch.offset)
    _, best, best_graph, _, _ = branches[0]
    kept = tuple(
        WordLink(source, score - best, graph - best_graph, first, last)
        for source, score, graph, first, last in branches[: limits.alternatives]
        if score >= best - limits.beam
    )
    return WordLinks(kept, best, best_graph)


def _add_alignments(one: WordLink, other: WordLink, limits: HistoryLimits, depth: int) -> WordLink:
    """Return the sum of two branches over the same words; both have absolute scores."""
    better, worse = (one, other) if one.offset >= other.offset else (other, one)
    source = better.source
    known = source is worse.source or source.branches is worse.source.branches
    if not known and depth > 0 and worse.offset >= better.offset - limits.beam:
        ways = _merge(
            WordLinks(source.branches, better.offset, better.graph),
            WordLinks(worse.source.branches, worse.offset, worse.graph),
            limits,
            depth - 1,
        )
        source = replace(source, branches=ways.branches)
    return better._replace(source=source, offset=log_add(better.offset, worse.offset))


def endings(readings: Iterable[tuple[str, WordLinks]], limits: HistoryLimits) -> Endings:
    """Return the last words of all histories, as if the utterance ended here.

    Args:
        readings: for each hypothesis its word in progress and the branches into it; at least one.
        limits: limits of the merge; no last word is dropped.
    """
    joined: dict[tuple[bytes, str], WordLink] = {}
    for word, ways in readings:
        for branch in _absolute(ways):
            for last_word, way in _last_words(word, branch):
                key = (way.source.identity, last_word)
                known = joined.get(key)
                joined[key] = (
                    way if known is None else _add_alignments(known, way, limits, limits.depth)
                )
    words = {id(branch): word for (_, word), branch in joined.items()}
    ranked = sorted(joined.values(), key=lambda branch: -branch.offset)
    score, graph = ranked[0].offset, ranked[0].graph
    last = tuple(
        (words[id(way)], way._replace(offset=way.offset - score, graph=way.graph - graph))
        for way in ranked
    )
    return Endings(last, score, graph)


def _last_words(word: str, branch: WordLink) -> list[tuple[str, WordLink]]:
    """Return the last word of a branch: the one in progress, else those before it."""
    source = branch.source
    if word or not source.branches:
        return [(word, branch)]
    return [
        (
            source.word,
            way._replace(offset=branch.offset + way.offset, graph=branch.graph + way.graph),
        )
        for way in source.branches
    ]


def best_words(word: str, branches: tuple[WordLink, ...]) -> list[str]:
    """Return the words of the best path through branches, including the word in progress."""
    words = [word] if word else []
    node = branches[0].source
    while node.branches:
        words.append(node.word)
        node = node.branches[0].source
    return words[::-1]


def build_lattice(ends: Endings, clock: Clock, beam: float) -> Lattice:
    """Return the lattice of all histories within a beam.

    Args:
        ends: last words of all histories.
        clock: gives the times of the words.
        beam: nats by which the best path through an arc may fall behind the best path of all.
    """
    order = _sources_first(ends)
    behind = _behind(order, ends)
    state_of: dict[int, int] = {}  # state of each node, by the node's id
    groups: dict[tuple[bytes, frozenset[int]], tuple[int, Node]] = {}
    for node in order:
        gap = behind[id(node)]
        if gap < -beam:
            continue
        near = [branch for branch in node.branches if gap + branch.offset >= -beam]
        # Nodes with the same words and sources become one state, represented by the best of them.
        key = (node.identity, frozenset(state_of[id(branch.source)] for branch in near))
        state, best = groups.setdefault(key, (len(groups), node))
        state_of[id(node)] = state
        if gap > behind[id(best)]:
            groups[key] = (state, node)
    final = Node("", (), b"", ends.score, ends.graph)
    nodes = [node for _, node in groups.values()] + [final]
    links = [(word, branch, len(groups), 0.0) for word, branch in ends.words]
    links += [
        (node.word, branch, state, behind[id(node)])
        for state, node in groups.values()
        for branch in node.branches
    ]
    arcs = [
        _arc(word, branch, (state_of[id(branch.source)], target), nodes, clock)
        for word, branch, target, gap in links
        if gap + branch.offset >= -beam
    ]
    arcs.sort(key=lambda arc: (arc.source, arc.target))
    return Lattice(len(groups) + 1, tuple(_in_order_of_time(arcs, len(groups) + 1)))


def _sources_first(ends: Endings) -> list[Node]:
    """Return all nodes on the way to the endings in topological order."""
    order: list[Node] = []
    seen: set[int] = set()
    stack = [(branch.source, False) for _, branch in ends.words]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((branch.source, False) for branch in node.branches)
    return order


def _behind(order: list[Node], ends: Endings) -> dict[int, float]:
    """Return for each node, by its id, the best path through it relative to the best; <= 0."""
    behind = {id(node): MINUS_INFINITY for node in order}
    for _, branch in ends.words:
        behind[id(branch.source)] = max(behind[id(branch.source)], branch.offset)
    for node in reversed(order):
        for branch in node.branches:
            source = id(branch.source)
            behind[source] = max(behind[source], behind[id(node)] + branch.offset)
    return behind


def _arc(
    word: str, branch: WordLink, states: tuple[int, int], nodes: list[Node], clock: Clock
) -> Arc:
    """Return the arc of a branch between two states.

    The scores of the nodes cancel out along a path, so a path sums to the final score plus the
    offsets along it.
    """
    source, target = states
    begin, end = nodes[source], nodes[target]
    score = round(end.score, _DIGITS) + round(branch.offset, _DIGITS) - round(begin.score, _DIGITS)
    graph = round(end.graph, _DIGITS) + round(branch.graph, _DIGITS) - round(begin.graph, _DIGITS)
    # A token is emitted at the end of its sound: the word began about one frame earlier.
    first, last = (max(0, branch.first - 1), branch.last + 1) if word else (0, clock.frames)
    return Arc(
        source=source,
        target=target,
        word=word,
        acoustic=round(score - graph, _DIGITS),
        graph=round(graph, _DIGITS),
        start=clock.seconds(first),
        end=clock.seconds(last),
    )


def _in_order_of_time(arcs: list[Arc], states: int) -> list[Arc]:
    """Return the arcs with each end moved back to the earliest start of a following word."""
    limit = [float("inf")] * states
    timed = []
    for arc in reversed(arcs):
        end = min(arc.end, limit[arc.target])
        start = min(arc.start, end)
        limit[arc.source] = min(limit[arc.source], start)
        timed.append(replace(arc, start=start, end=end))
    return timed[::-1]
