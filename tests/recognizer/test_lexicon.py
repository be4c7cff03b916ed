"""The lexicon contains exactly the words that it was built from."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.recognizer.lexicon import ROOT, Lexicon, build_lexicon

unhurried = settings(deadline=None, max_examples=50)
spelling = st.lists(st.integers(1, 5), min_size=1, max_size=5).map(tuple)
spellings = st.sets(spelling, min_size=1, max_size=30)
PIECES = ("<blank>", "▁a", "b", "c", "d", "e")


@unhurried
@given(words=spellings)
def test_every_word_and_nothing_else_ends_in_the_tree(words: set[tuple[int, ...]]) -> None:
    lexicon = build_lexicon(words)
    assert lexicon.is_whole()
    for word in words:
        node = lexicon.find(word)
        assert node is not None and lexicon.ends[node]
        assert lexicon.leaves[lexicon.words[node]] == node
    assert len(lexicon.leaves) == len(words)
    prefixes = {word[:length] for word in words for length in range(len(word) + 1)}
    assert len(lexicon.tokens) == len(prefixes)


@unhurried
@given(words=spellings, other=spelling)
def test_a_prefix_of_no_word_leads_to_no_node(
    words: set[tuple[int, ...]], other: tuple[int, ...]
) -> None:
    begins = any(word[: len(other)] == other for word in words)
    assert (build_lexicon(words).find(other) is not None) == begins


@unhurried
@given(words=spellings)
def test_parents_levels_and_children_are_of_one_tree(words: set[tuple[int, ...]]) -> None:
    lexicon = build_lexicon(words)
    for node in range(len(lexicon.tokens)):
        for child in range(lexicon.first[node], lexicon.first[node + 1]):
            assert lexicon.parents[child] == node
            assert lexicon.child(node, int(lexicon.tokens[child])) == child
    depths = [level.stop - level.start for level in lexicon.levels]
    assert sum(depths) == len(lexicon.tokens)
    assert len(depths) == 1 + max(map(len, words))


def test_words_are_spelled_as_they_are_written() -> None:
    lexicon = build_lexicon([(1,), (1, 2, 3), (1, 3)])
    assert sorted(lexicon.spelled(PIECES)) == ["a", "abc", "ac"]


def test_an_inconsistent_tree_is_not_whole() -> None:
    tokens, ends = np.array([0, 1, 2], np.uint16), np.array([False, True, True])
    whole = Lexicon(tokens, np.array([2, 0, 0], np.uint16), ends)
    assert whole.is_whole() and whole.find((2,)) == 2 and whole.find(()) == ROOT
    for children in ([1, 0, 1], [3, 0, 0], [1, 0, 0], [0, 2, 0]):
        assert not Lexicon(tokens, np.array(children, np.uint16), ends).is_whole()
