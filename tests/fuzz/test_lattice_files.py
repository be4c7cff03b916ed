"""Any text as a lattice: it is refused, or can be written in every form, also for the reranker."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from auricle.context.entries import Context, Entry
from auricle.errors import ArgumentError, RefusedError
from auricle.lattice.formats import from_json, to_dot, to_json, to_openfst, to_slf
from auricle.lattice.lattice import Lattice
from auricle.privacy.outgoing import pack
from auricle.privacy.redaction import names_of
from auricle.wire.schema import decode_question
from fuzzing.strategies import inputs_of

NAMES = names_of(Context((Entry("contacts", "Ann Lee"), Entry("media", "Blue Train"))))


def fuzz_one(data: bytes) -> None:
    """Read a lattice; raise AssertionError if one that is accepted cannot be used."""
    try:
        lattice = from_json(data.decode(errors="replace"))
    except ArgumentError:
        return
    text = to_json(lattice)
    assert to_json(from_json(text)) == text
    check_paths(lattice)
    for write in (to_openfst, to_dot, lambda each: to_slf(each, "fuzz")):
        try:
            write(lattice)
        except ArgumentError as error:
            assert "symbol for no word" in str(error)
    try:
        outgoing = pack(lattice, "en", NAMES, redact=True)
    except RefusedError:
        return
    assert decode_question(outgoing.data) == outgoing.question
    assert not {"ann", "lee"}.intersection(outgoing.question.words)


def check_paths(lattice: Lattice) -> None:
    """Raise AssertionError if paths or probabilities make no sense."""
    best, *others = lattice.nbest(5)
    assert best == lattice.best_path()
    assert all(other.score <= best.score + 1e-3 * abs(best.score) for other in others)
    posteriors = lattice.posteriors()
    assert np.isfinite(posteriors).all()
    assert ((posteriors >= 0.0) & (posteriors <= 1.0 + 1e-6)).all()


@given(inputs_of("lattice_files"))
def test_any_text_is_refused_or_a_lattice_that_can_be_used(data: bytes) -> None:
    fuzz_one(data)
