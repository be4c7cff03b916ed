"""Which sounds are ducked, what they were before, and how they come back: pure, without a clock.

In: whether somebody wants quiet, and a view of what plays. Out: the changes to make, and a state
that tells all that is needed to undo them; it is to be kept before they are made. Whoever makes
them looks again and takes the next step, until there is nothing left to change.

A sound that is not as it was left was moved by its user, and stays where the user put it: each of
its levels and its silence comes back only where Auricle changed it and nobody has since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from auricle.ducking.backend import MIXER, PLAYERS, STREAMS, PlayerStream, StreamKey, Volume

FINE_GRAIN = 1e-9  # what was read twice is the same, but for the last digit
COARSE_GRAIN = 0.08  # the widest step of a player
MOST_DEPARTED = 16
LEFT_ALONE = 9  # the rank of a sound with which nothing can be done


class DuckingMode(StrEnum):
    """What becomes of other sounds."""

    OFF = "off"  # nothing
    DUCK = "duck"  # they play on, quieter
    PAUSE = "pause"  # they pause or are muted


@dataclass(frozen=True, slots=True)
class Policy:
    """How ducking is done."""

    mode: DuckingMode
    decibels: float  # how much quieter, above 0

    def ducked(self, sound: PlayerStream) -> Volume:
        """Return what becomes of a sound.

        Levels are taken as the cube root of loudness, as PulseAudio and most players have it.
        """
        if self.mode is DuckingMode.PAUSE and sound.can_silence:
            return replace(sound.setting, silent=True)
        if sound.can_level:
            return sound.setting.scaled(10 ** (-self.decibels / 60))
        return sound.setting


@dataclass(frozen=True, slots=True)
class Held:
    """A sound that was ducked, or is about to be."""

    key: StreamKey
    before: Volume
    after: Volume
    grain: float = 0.0
    memory: str = ""
    made: bool = False  # it was seen to be as `after` says
    tried: bool = False  # it has gone, and what the server keeps of it cannot be reached

    def made_as(self, now: Volume) -> Held:
        """Return this once it is known what came of it; from then on it is told exactly."""
        if now == self.after:
            return replace(self, made=True)
        return replace(self, after=now, grain=min(self.grain, FINE_GRAIN), made=True)

    def made_of(self, now: Volume) -> bool:
        """Return whether `now` may be what a coarse player has made of `after`."""
        if now.silent != self.after.silent or self.is_at(now, self.before):
            return False
        return replace(self, grain=COARSE_GRAIN)._near(now.levels, self.after.levels)

    def moved(self, now: Volume) -> bool:
        """Return whether nothing is left of what was changed here."""
        return self.undone(now) == now

    def undone(self, now: Volume) -> Volume:
        """Return the setting without what was changed here and by nobody since."""
        levels, silent = now.levels, now.silent
        if not self._near(self.before.levels, self.after.levels):
            levels = self.before.levels if self._near(levels, self.after.levels) else levels
        if self.before.silent != self.after.silent and silent == self.after.silent:
            silent = self.before.silent
        return Volume(levels, silent)

    @property
    def changes(self) -> bool:
        """Whether there is anything to change at all."""
        return self.undone(self.after) != self.after

    def is_at(self, now: Volume, setting: Volume) -> bool:
        """Return whether `now` is `setting`, as far as can be told."""
        return now.silent == setting.silent and self._near(now.levels, setting.levels)

    def covers(self, other: Held) -> bool:
        """Return whether this, once written down, undoes the other too."""
        if (self.before, self.memory) != (other.before, other.memory):
            return False
        return self.is_at(other.after, self.after)

    def _near(self, some: tuple[float, ...], others: tuple[float, ...]) -> bool:
        if len(some) != len(others):
            return False
        return all(abs(a - b) <= self.grain for a, b in zip(some, others, strict=True))


@dataclass(frozen=True, slots=True)
class DuckingState:
    """What is ducked."""

    held: Mapping[StreamKey, Held] = field(default_factory=dict)
    spared: frozenset[StreamKey] = frozenset()  # moved by their users since they were ducked
    departed: Mapping[str, Held] = field(default_factory=dict)  # by memory: vanished while ducked

    @property
    def at_rest(self) -> bool:
        """Whether nothing is ducked, and nothing is left to undo before something changes."""
        return not self.held and all(held.tried for held in self.departed.values())

    @property
    def undoable(self) -> tuple[Held, ...]:
        """All that is to be undone one day."""
        return (*self.held.values(), *self.departed.values())

    def confirmed(self, change: Change, now: Volume) -> DuckingState:
        """Return the state once a change was made, which left the sound as `now` says.

        A player that knows fewer levels than it was given takes the nearest. One that is far from
        what it was given was moved at this very moment.
        """
        known = self.held.get(change.key)
        if known is None or change.setting != known.after or not known.made_of(now):
            return self
        return replace(self, held={**self.held, change.key: known.made_as(now)})

    def mended(self, mend: Mend, found: bool) -> DuckingState:
        """Return the state once the server keeps nothing of what was done here.

        Where that was not `found`, as in PipeWire, the next stream of the program is waited for.
        """
        departed = _without(self.departed, mend.held.memory)
        if not found:
            departed[mend.held.memory] = replace(mend.held, tried=True)
        return replace(self, departed=departed)


@dataclass(frozen=True, slots=True)
class BackendView:
    """What all back ends see."""

    reached: frozenset[str] = frozenset()  # the back ends that answered
    sounds: tuple[PlayerStream, ...] = ()
    present: frozenset[StreamKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done with a sound."""

    key: StreamKey
    setting: Volume


@dataclass(frozen=True, slots=True)
class Mend:
    """What the server keeps for the next stream of a program is to be undone."""

    held: Held


Steps = tuple[Change | Mend, ...]


def step(
    state: DuckingState, policy: Policy, wanted: bool, view: BackendView
) -> tuple[DuckingState, Steps]:
    """Return the next state and what is to be done once it is kept."""
    state = _without_gone(state, view)
    if wanted and policy.mode is not DuckingMode.OFF:
        return _duck(state, policy, view)
    return _restore(state, view)


def _without_gone(state: DuckingState, view: BackendView) -> DuckingState:
    """Forget the sounds that have gone, save what the server remembers of them."""

    def is_gone(key: StreamKey) -> bool:
        return key.backend in view.reached and key not in view.present

    gone = {held.memory: held for key, held in state.held.items() if is_gone(key) and held.memory}
    return DuckingState(
        {key: held for key, held in state.held.items() if not is_gone(key)},
        frozenset(key for key in state.spared if not is_gone(key)),
        dict([*state.departed.items(), *gone.items()][-MOST_DEPARTED:]),
    )


def _duck(state: DuckingState, policy: Policy, view: BackendView) -> tuple[DuckingState, Steps]:
    held, spared, departed = dict(state.held), set(state.spared), dict(state.departed)
    changes = []
    for sound in view.sounds:
        known = held.get(sound.key)
        if known is None:
            continue
        if known.is_at(sound.setting, known.after):
            held[sound.key] = replace(known, made=True)
        elif not known.made and known.is_at(sound.setting, known.before):
            changes.append(Change(sound.key, known.after))  # it did not come through
        elif known.moved(sound.setting):
            del held[sound.key]
            spared.add(sound.key)
    for sound in chosen(view.sounds, policy.mode, {*held, *spared}):
        before = _before(state, sound)
        after = sound.setting if before is not None else policy.ducked(sound)
        new = Held(
            sound.key, before or sound.setting, after, sound.grain, sound.memory, before is not None
        )
        if not new.changes:
            continue
        held[sound.key] = new
        if before is None:
            changes.append(Change(sound.key, new.after))
        else:
            departed = _without(departed, sound.memory)
    return DuckingState(held, frozenset(spared), departed), tuple(changes)


def _restore(state: DuckingState, view: BackendView) -> tuple[DuckingState, Steps]:
    held, departed, steps = dict(state.held), dict(state.departed), list[Change | Mend]()
    for sound in view.sounds:
        known = held.get(sound.key)
        if known is None and (before := _before(state, sound)) is not None:
            known = Held(sound.key, before, sound.setting, sound.grain, sound.memory)
            held[sound.key] = known
            departed = _without(departed, sound.memory)
        if known is None:
            continue
        if known.moved(sound.setting):
            del held[sound.key]  # it is back, or where its user wants it
        else:
            held[sound.key] = replace(known, made=False)  # so that it may be ducked anew
            steps.append(Change(sound.key, known.undone(sound.setting)))
    gone = [one for one in departed.values() if one.key.backend in view.reached]
    steps += [Mend(one) for one in gone if not one.tried]
    return DuckingState(held, frozenset(), departed), tuple(steps)


def _without(departed: Mapping[str, Held], memory: str) -> dict[str, Held]:
    return {name: held for name, held in departed.items() if name != memory}


def _before(state: DuckingState, sound: PlayerStream) -> Volume | None:
    """Return what a new stream was meant to be that began as an old one was ducked to."""
    old = state.departed.get(sound.memory) if sound.memory else None
    if old is None or sound.key.backend != old.key.backend:
        return None
    undone = old.undone(sound.setting)
    return None if undone == sound.setting else undone


def chosen(
    sounds: Iterable[PlayerStream], mode: DuckingMode, engaged: set[StreamKey]
) -> list[PlayerStream]:
    """Return the sounds to duck, none of them twice: a player that is a stream too, a mixer.

    Args:
        sounds: all that can be seen.
        mode: decides which of the two is taken: a stream comes back to the very same level, and a
            player that pauses goes on where it was.
        engaged: those that are ducked or spared already.
    """
    ranked = sorted(sounds, key=lambda sound: _rank(sound, mode))
    taken = [sound for sound in ranked if sound.key in engaged]
    new = []
    for sound in ranked:
        if not sound.playing or sound.key in engaged:
            continue
        if any(_same_sound(sound, other) for other in taken):
            continue
        if _rank(sound, mode) < LEFT_ALONE:
            taken.append(sound)
            new.append(sound)
    return new


def _rank(sound: PlayerStream, mode: DuckingMode) -> int:
    """Return how early a sound is taken; LEFT_ALONE if nothing can be done with it."""
    if not (sound.can_level or (mode is DuckingMode.PAUSE and sound.can_silence)):
        return LEFT_ALONE
    if mode is DuckingMode.PAUSE and sound.key.backend == PLAYERS and sound.can_silence:
        return 0
    return {STREAMS: 1, PLAYERS: 2, MIXER: 3}.get(sound.key.backend, LEFT_ALONE)


def _same_sound(one: PlayerStream, other: PlayerStream) -> bool:
    """Return whether two back ends show the same sound."""
    if one.key.backend == other.key.backend:
        return False
    if MIXER in (one.key.backend, other.key.backend):
        return True
    return (one.process != 0 and one.process == other.process) or bool(one.aliases & other.aliases)
