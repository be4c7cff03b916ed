"""Decides which streams to duck, and how to restore them. Pure functions, without a clock.

In: whether ducking is wanted, and the current streams. Out: the changes to make, and a state with
everything needed to undo them. The caller must save the state before it makes the changes. Then it
reads the streams again and takes the next step, until there is nothing to change.

If the volume of a stream differs from what ducking set, the user has changed it, and it is not
touched again: levels and silence are restored only where Auricle changed them and nobody has
changed them since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from auricle.ducking.backend import MIXER, PLAYERS, STREAMS, PlayerStream, StreamKey, Volume

FINE_GRAIN = 1e-9  # tolerance between two readings of the same level
COARSE_GRAIN = 0.08  # largest volume step of a player
MOST_DEPARTED = 16
LEFT_ALONE = 9  # rank of a stream that cannot be ducked


class DuckingMode(StrEnum):
    """What happens to other sounds."""

    OFF = "off"  # nothing
    DUCK = "duck"  # they are played more quietly
    PAUSE = "pause"  # they are paused or muted


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of ducking."""

    mode: DuckingMode
    decibels: float  # attenuation, above 0

    def ducked(self, sound: PlayerStream) -> Volume:
        """Return the volume of a stream when ducked.

        A level is the cube root of the amplitude, as in PulseAudio and most players.
        """
        if self.mode is DuckingMode.PAUSE and sound.can_silence:
            return replace(sound.setting, silent=True)
        if sound.can_level:
            return sound.setting.scaled(10 ** (-self.decibels / 60))
        return sound.setting


@dataclass(frozen=True, slots=True)
class Held:
    """A stream that is ducked, or is about to be.

    `key`, `grain` and `memory` are those of the `PlayerStream`.
    """

    key: StreamKey
    before: Volume
    after: Volume
    grain: float = 0.0
    memory: str = ""
    made: bool = False  # its volume was read as `after`
    tried: bool = False  # it has ended, and the volume that the server stores was not found

    def made_as(self, now: Volume) -> Held:
        """Return a copy whose `after` is the volume `now`, as read back after the change.

        Later changes by the user are then detected with the fine tolerance.
        """
        if now == self.after:
            return replace(self, made=True)
        return replace(self, after=now, grain=min(self.grain, FINE_GRAIN), made=True)

    def made_of(self, now: Volume) -> bool:
        """Return whether `now` may be `after`, rounded by a player with coarse volume steps."""
        if now.silent != self.after.silent or self.is_at(now, self.before):
            return False
        return replace(self, grain=COARSE_GRAIN)._near(now.levels, self.after.levels)

    def moved(self, now: Volume) -> bool:
        """Return whether `now` contains none of our changes: restored, or changed by the user."""
        return self.undone(now) == now

    def undone(self, now: Volume) -> Volume:
        """Return `now` without our changes; later changes by the user stay."""
        levels, silent = now.levels, now.silent
        if not self._near(self.before.levels, self.after.levels):
            levels = self.before.levels if self._near(levels, self.after.levels) else levels
        if self.before.silent != self.after.silent and silent == self.after.silent:
            silent = self.before.silent
        return Volume(levels, silent)

    @property
    def changes(self) -> bool:
        """Whether `after` differs from `before`."""
        return self.undone(self.after) != self.after

    def is_at(self, now: Volume, setting: Volume) -> bool:
        """Return whether `now` equals `setting` within the tolerance."""
        return now.silent == setting.silent and self._near(now.levels, setting.levels)

    def covers(self, other: Held) -> bool:
        """Return whether a saved copy of this is enough to undo `other` too."""
        if (self.before, self.memory) != (other.before, other.memory):
            return False
        return self.is_at(other.after, self.after)

    def _near(self, some: tuple[float, ...], others: tuple[float, ...]) -> bool:
        if len(some) != len(others):
            return False
        return all(abs(a - b) <= self.grain for a, b in zip(some, others, strict=True))


@dataclass(frozen=True, slots=True)
class DuckingState:
    """All ducked streams, and those that ended while they were ducked."""

    held: Mapping[StreamKey, Held] = field(default_factory=dict)
    spared: frozenset[StreamKey] = frozenset()  # the user changed them after they were ducked
    departed: Mapping[str, Held] = field(default_factory=dict)  # ended while ducked, by `memory`

    @property
    def at_rest(self) -> bool:
        """Whether nothing is ducked and nothing can be undone now."""
        return not self.held and all(held.tried for held in self.departed.values())

    @property
    def undoable(self) -> tuple[Held, ...]:
        """Everything that must be undone, now or later."""
        return (*self.held.values(), *self.departed.values())

    def confirmed(self, change: Change, now: Volume) -> DuckingState:
        """Return the state after a change was made; `now` is the volume read back.

        A player with coarse volume steps uses the nearest one. If the volume is far from the one
        that was set, the user has changed it at the same moment.
        """
        known = self.held.get(change.key)
        if known is None or change.setting != known.after or not known.made_of(now):
            return self
        return replace(self, held={**self.held, change.key: known.made_as(now)})

    def mended(self, mend: Mend, found: bool) -> DuckingState:
        """Return the state after `Backend.mend`.

        If the stored volume was not `found`, as with PipeWire, the entry stays until the program's
        next stream appears.
        """
        departed = _without(self.departed, mend.held.memory)
        if not found:
            departed[mend.held.memory] = replace(mend.held, tried=True)
        return replace(self, departed=departed)


@dataclass(frozen=True, slots=True)
class BackendView:
    """The streams of all back ends."""

    reached: frozenset[str] = frozenset()  # the back ends that answered
    sounds: tuple[PlayerStream, ...] = ()
    present: frozenset[StreamKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """Set the volume of a stream."""

    key: StreamKey
    setting: Volume


@dataclass(frozen=True, slots=True)
class Mend:
    """Correct the volume that the server stores for the next stream of a program."""

    held: Held


Steps = tuple[Change | Mend, ...]


def step(
    state: DuckingState, policy: Policy, wanted: bool, view: BackendView
) -> tuple[DuckingState, Steps]:
    """Return the next state, and the changes to make once it is saved.

    Args:
        state: the current state.
        policy: the settings.
        wanted: whether ducking is wanted now.
        view: the current streams.
    """
    state = _without_gone(state, view)
    if wanted and policy.mode is not DuckingMode.OFF:
        return _duck(state, policy, view)
    return _restore(state, view)


def _without_gone(state: DuckingState, view: BackendView) -> DuckingState:
    """Remove ended streams; those whose volume the server stores move to `departed`."""

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
            changes.append(Change(sound.key, known.after))  # the change had no effect; repeat it
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
            del held[sound.key]  # it is restored, or the user has changed it
        else:
            held[sound.key] = replace(known, made=False)  # so that it can be ducked again
            steps.append(Change(sound.key, known.undone(sound.setting)))
    gone = [one for one in departed.values() if one.key.backend in view.reached]
    steps += [Mend(one) for one in gone if not one.tried]
    return DuckingState(held, frozenset(), departed), tuple(steps)


def _without(departed: Mapping[str, Held], memory: str) -> dict[str, Held]:
    return {name: held for name, held in departed.items() if name != memory}


def _before(state: DuckingState, sound: PlayerStream) -> Volume | None:
    """Return the undone volume of a new stream that started with a stored ducked volume.

    None: the stream did not start with such a volume.
    """
    old = state.departed.get(sound.memory) if sound.memory else None
    if old is None or sound.key.backend != old.key.backend:
        return None
    undone = old.undone(sound.setting)
    return None if undone == sound.setting else undone


def chosen(
    sounds: Iterable[PlayerStream], mode: DuckingMode, engaged: set[StreamKey]
) -> list[PlayerStream]:
    """Return the streams to duck, each sound once.

    Several back ends can see the same sound: a player is also a stream, and the mixer contains all
    streams.

    Args:
        sounds: all streams.
        mode: decides which back end is preferred. For "duck" it is the sound server, which restores
            the exact level; for "pause" it is the player, which resumes at the same position.
        engaged: streams that are already ducked or spared.
    """
    ranked = sorted(sounds, key=lambda sound: _rank(sound, mode))
    known = [sound for sound in ranked if sound.key in engaged]
    new = []
    for sound in ranked:
        if not sound.playing or sound.key in engaged:
            continue
        if any(_same_sound(sound, other) for other in known):
            continue
        if _rank(sound, mode) < LEFT_ALONE:
            known.append(sound)
            new.append(sound)
    return new


def _rank(sound: PlayerStream, mode: DuckingMode) -> int:
    """Return the preference of a stream, lowest first; LEFT_ALONE if it cannot be ducked."""
    if not (sound.can_level or (mode is DuckingMode.PAUSE and sound.can_silence)):
        return LEFT_ALONE
    if mode is DuckingMode.PAUSE and sound.key.backend == PLAYERS and sound.can_silence:
        return 0
    return {STREAMS: 1, PLAYERS: 2, MIXER: 3}.get(sound.key.backend, LEFT_ALONE)


def _same_sound(one: PlayerStream, other: PlayerStream) -> bool:
    """Return whether two streams of different back ends are the same sound."""
    if one.key.backend == other.key.backend:
        return False
    if MIXER in (one.key.backend, other.key.backend):
        return True
    return (one.process != 0 and one.process == other.process) or bool(one.aliases & other.aliases)
