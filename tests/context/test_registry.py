"""The keeper: calls in their turn, kept names on the disk first, damage told once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from auricle.context import entry_sets as limits
from auricle.context.entries import Context, Entry
from auricle.context.entry_list import EntryList
from auricle.context.entry_sets import Guest, Source
from auricle.context.registry import ContextRegistry
from auricle.context.store import Store
from auricle.context.validation import Given
from auricle.errors import InvalidNameError, StorageError, TooManyEntriesError
from testbed.patience import patience

SOURCE = Source(1000, "mine")
ANN: Given = ("Ann", [], 1.0, "")


class Recogniser:
    """Takes what is handed over."""

    def __init__(self) -> None:
        self.contexts: list[Context] = []
        self.sentences: list[str] = []

    async def take(self, context: Context) -> None:
        self.contexts.append(context)

    def keeper(self, folder: Path) -> ContextRegistry:
        return ContextRegistry(Store(folder), self.take, self.sentences.append)


@pytest.mark.asyncio
async def test_kept_names_are_on_the_disk_before_the_call_returns(tmp_path: Path) -> None:
    keeper = Recogniser().keeper(tmp_path)
    await keeper.set(SOURCE, "contacts", [ANN])
    kept, _ = Store(tmp_path).load()
    assert kept[SOURCE].counts == keeper.count(SOURCE) == {"contacts": 1}
    await keeper.close()


@pytest.mark.asyncio
async def test_what_cannot_be_kept_does_not_hold(tmp_path: Path) -> None:
    recogniser = Recogniser()
    keeper = recogniser.keeper(tmp_path / "file" / "context")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        await keeper.set(SOURCE, "contacts", [ANN])
    assert keeper.counts == {}
    await asyncio.sleep(0.05)
    assert recogniser.contexts == []
    await keeper.set(Guest(":1.1"), "contacts", [ANN])  # the disk does not matter to guests
    await keeper.close()


@pytest.mark.asyncio
async def test_what_was_kept_is_handed_over_and_damage_is_told_once(tmp_path: Path) -> None:
    first = Recogniser().keeper(tmp_path)
    await first.set(SOURCE, "contacts", [ANN])
    await first.close()
    (tmp_path / "1000-other.json").write_text("{")
    recogniser = Recogniser()
    keeper = recogniser.keeper(tmp_path)
    await keeper.load()
    async with asyncio.timeout(patience(10)):
        while not recogniser.contexts:
            await asyncio.sleep(0.01)
    assert recogniser.contexts == [Context((Entry("contacts", "Ann"),))]
    assert len(recogniser.sentences) == 1
    assert "1000-other.json is damaged" in recogniser.sentences[0]
    await keeper.close()
    again = Recogniser()
    await again.keeper(tmp_path).load()
    assert again.sentences == []


@pytest.mark.asyncio
async def test_stored_names_that_fit_are_used_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = Recogniser().keeper(tmp_path), Source(1000, "other")
    people: list[Given] = [(f"somebody {number}", ["them"], 1.0, "") for number in range(50)]
    await first.set(SOURCE, "contacts", people)
    await first.set(SOURCE, "media", [("Thriller", [], 1.0, "")])
    await first.set(other, "contacts", [ANN])
    await first.close()
    need = EntryList("contacts", [Entry("contacts", "somebody 10", ("them",))]).need
    monkeypatch.setattr(limits, "MOST_MEMORY", 20 * need)
    recogniser = Recogniser()
    keeper = recogniser.keeper(tmp_path)
    await keeper.load()
    used = keeper.count(SOURCE)["contacts"]
    assert 15 < used < 25
    assert keeper.count(other) == {"contacts": 1}
    (sentence,) = recogniser.sentences
    assert "stored entries are not used" in sentence
    assert "somebody" not in sentence
    for change in (
        keeper.add(SOURCE, "contacts", [ANN]),
        keeper.remove(SOURCE, "contacts", ["somebody 1"]),
        keeper.set(SOURCE, "media", [ANN]),
    ):
        with pytest.raises(TooManyEntriesError, match="not all stored entries of this source fit"):
            await change
    kept, _ = Store(tmp_path).load()
    assert kept[SOURCE].counts == {"contacts": 50, "media": 1}
    await keeper.close()
    again = Recogniser().keeper(tmp_path)
    await again.load()
    await again.clear(SOURCE)
    assert await again.add(SOURCE, "contacts", [ANN]) == 1
    await again.close()


@pytest.mark.asyncio
async def test_calls_hold_in_their_order_whatever_their_length(tmp_path: Path) -> None:
    keeper = Recogniser().keeper(tmp_path)
    guest = Guest(":1.1")
    many = [(f"somebody {number}", [], 1.0, "") for number in range(5000)]
    counts = await asyncio.gather(
        keeper.set(guest, "contacts", many),
        keeper.add(guest, "contacts", [ANN]),
        keeper.leave(guest),
        keeper.set(guest, "contacts", [ANN]),
    )
    assert (counts[0], counts[1], counts[3]) == (5000, 5001, 1)
    await keeper.close()


@pytest.mark.asyncio
async def test_a_call_that_changes_nothing_is_not_handed_over(tmp_path: Path) -> None:
    recogniser = Recogniser()
    keeper = recogniser.keeper(tmp_path)
    guest = Guest(":1.1")
    await keeper.clear(guest)
    assert await keeper.remove(guest, "contacts", ["Ann", "", "\n"]) == 0
    with pytest.raises(InvalidNameError):
        await keeper.set(guest, "contacts", [ANN, ("", [], 1.0, "")])
    await asyncio.sleep(0.05)
    assert recogniser.contexts == []
    await keeper.close()


@pytest.mark.asyncio
async def test_erasing_forgets_the_kept_names_of_every_user_and_no_guest(tmp_path: Path) -> None:
    recogniser = Recogniser()
    keeper = recogniser.keeper(tmp_path)
    guest = Guest(":1.1")
    await keeper.set(guest, "contacts", [ANN])
    await keeper.set(SOURCE, "contacts", [ANN, ("Bob", [], 1.0, "")])
    await keeper.set(Source(1001, "other"), "media", [("1975", [], 1.0, "")])
    (tmp_path / "1000-old.json.damaged").write_text("Zoë", encoding="utf-8")
    await keeper.erase()
    assert keeper.counts == {"contacts": 1}
    assert list(tmp_path.iterdir()) == []
    async with asyncio.timeout(patience(5)):
        while not recogniser.contexts or len(recogniser.contexts[-1].entries) != 1:
            await asyncio.sleep(0.01)
    await keeper.close()


@pytest.mark.asyncio
async def test_erasing_what_was_never_kept_is_no_mistake(tmp_path: Path) -> None:
    keeper = Recogniser().keeper(tmp_path / "never")
    await keeper.erase()
    await keeper.close()
