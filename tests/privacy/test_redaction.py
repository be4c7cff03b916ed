"""Names are redacted in the question and restored in the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auricle.context.entries import Context, Entry
from auricle.errors import RefusedError
from auricle.lattice.lattice import Arc, Lattice
from auricle.lattice.result import RecognizedName, result_of
from auricle.privacy.outgoing import pack, reordered, unpack
from auricle.privacy.redaction import names_of
from auricle.wire.schema import MOST_ARCS, Answer, LatticeReading, decode_question

CONTEXT = Context(
    (
        Entry("contacts", "Zoë O'Brien", ("zoo e",)),
        Entry("appliances", "bat cave", id="light.bat"),
        Entry("media", "Call Me"),
        Entry("rooms", "den"),
    )
)
NAMES = names_of(CONTEXT)


def chain(*texts: str, entry: str | None = None, kind: str | None = None) -> Lattice:
    """Return a lattice of texts of equal length in descending order of probability."""
    rows = [text.split() for text in texts]
    arcs = [
        Arc(place, place + 1, row[place], -1.0 - rank, 0.0, place / 4, place / 4 + 0.2, entry, kind)
        for place in range(len(rows[0]))
        for rank, row in enumerate(rows)
    ]
    return Lattice(len(rows[0]) + 1, tuple(arcs))


def sent(lattice: Lattice, *, redact: bool = True) -> tuple[str, ...]:
    return pack(lattice, "en", NAMES, redact=redact).question.words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ring zoe", ("contact-a", "ring")),
        ("ring zoe's brother", ("brother", "contact-a", "ring")),
        ("ring zoo e", ("contact-a", "contact-b", "ring")),
        ("open the bat cave", ("appliance-a", "appliance-b", "open", "the")),
        ("open the cave", ("cave", "open", "the")),  # things are hidden only by their whole name
        ("call me", ("media-a", "media-b")),
        ("call you", ("call", "you")),
        ("the den", ("name-a", "the")),
    ],
)
def test_names_are_hidden(said: str, words: tuple[str, ...]) -> None:
    assert sent(chain(said)) == words
    plain = sent(chain(said), redact=False)
    assert plain == tuple(sorted(set(said.split())))


def test_everything_recognised_as_a_name_is_hidden() -> None:
    assert sent(chain("lamp", entry="light.bat", kind="appliances")) == ("appliance-a",)
    assert sent(chain("lamp", entry="", kind="contacts")) == ("contact-a",)
    assert sent(chain("lamp", entry="", kind="rooms")) == ("name-a",)


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        (("ring zoe", "ring zoey", "ring joe"), ("contact-a", "contact-b", "contact-c", "ring")),
        (("ring zoe", "sing so"), ("contact-a", "ring", "sing", "so")),
        (("zoey rings", "zoey zoe"), ("contact-a", "rings", "zoey")),  # not at the same time
    ],
)
def test_similar_spellings_at_the_same_time_are_hidden_too(
    readings: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert sent(chain(*readings)) == words


def test_initial_is_hidden_only_within_the_whole_name() -> None:
    names = names_of(Context((Entry("contacts", "A. Smith"),)))
    for said, words in (
        ("a lamp", ("a", "lamp")),
        ("call a smith", ("call", "contact-a", "contact-b")),
        ("call smith", ("call", "contact-a")),
    ):
        assert pack(chain(said), "en", names, redact=True).question.words == words


def test_numbers_in_names_match_as_spoken() -> None:
    names = names_of(Context((Entry("media", "1975"),)))
    outgoing = pack(chain("play nineteen seventy five"), "en", names, redact=True)
    assert outgoing.question.words == ("media-a", "media-b", "media-c", "play")


def test_names_are_restored_in_the_answer() -> None:
    lattice = chain("ring zoe now", "sing so how")
    result = replace(result_of(lattice, 3), punctuated="Ring Zoe now.")
    outgoing = pack(lattice, "en", NAMES, redact=True)
    assert b"zoe" not in outgoing.data
    answer = Answer(
        outgoing.question.session,
        (
            LatticeReading("sing contact-a now", -1.0),
            LatticeReading("sing contact-b now", -1.5),
            LatticeReading("ring so now", -2.0),
        ),
    )
    found = reordered(result, outgoing, unpack(outgoing, answer), NAMES)
    assert found.text == "sing zoe now"
    assert [entry.text for entry in found.nbest][:2] == ["sing zoe now", "ring so now"]
    assert found.punctuated == ""  # it is that of another text
    assert found.nbest[0].score == pytest.approx(-4.0)
    assert [word.word for word in found.words] == ["sing", "zoe", "now"]
    assert all(0 < word.confidence <= 1 for word in found.words)
    assert len(found.nbest) == len(result.nbest)


def test_name_outside_the_schema_is_sent_only_hidden() -> None:
    lattice = chain("ring zoë")
    assert sent(lattice) == ("contact-a", "ring")
    with pytest.raises(RefusedError, match=r"words\[1\]: must be a word"):
        sent(lattice, redact=False)


def test_long_lattice_is_cut_to_the_limit() -> None:
    lattice = chain(*(" ".join(f"word{'abcde'[n]}" for _ in range(40)) for n in range(5)))
    outgoing = pack(lattice, "en", NAMES, redact=True)
    assert len(outgoing.question.arcs) <= MOST_ARCS
    assert decode_question(outgoing.data) == outgoing.question
    with pytest.raises(RefusedError, match=r"arcs: must be 1 to 96"):
        pack(chain(" ".join(["a"] * 97)), "en", NAMES, redact=True)


def test_empty_reading_is_not_sent() -> None:
    quiet = Lattice(2, (Arc(0, 1, "", -1.0, 0.0, 0.0, 0.0),))
    with pytest.raises(RefusedError):
        pack(quiet, "en", NAMES, redact=True)
    both = Lattice(2, (Arc(0, 1, "", -1.0, 0.0, 0.0, 0.0), Arc(0, 1, "go", -2, 0.0, 0.0, 0.2)))
    assert pack(both, "en", NAMES, redact=True).question.words == ("go",)


def test_names_are_tagged_in_the_new_first_reading() -> None:
    entry = CONTEXT.entries[0]
    arcs = (
        Arc(0, 1, "ring", -1.0, 0.0, 0.0, 0.2),
        Arc(1, 2, "so", -1.0, 0.0, 0.3, 0.5),
        Arc(1, 2, "zoe's", -2.0, 0.0, 0.3, 0.6, entry.id, entry.kind),
    )
    lattice = Lattice(3, arcs)
    outgoing = pack(lattice, "en", NAMES, redact=True)
    answer = Answer(outgoing.question.session, (LatticeReading("ring contact-a", -1.0),))
    found = reordered(result_of(lattice, 2), outgoing, unpack(outgoing, answer), NAMES)
    assert found.text == "ring zoe's"
    assert found.names == (RecognizedName("contacts", "Zoë O'Brien", "", 0.3, 0.6),)
