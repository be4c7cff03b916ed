"""Whatever happens while players are ducked, each ends where its user wants it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.ducking.backend import MIXER, PLAYERS, STREAMS, PlayerStream, StreamKey, Volume
from auricle.ducking.policy import (
    BackendView,
    Change,
    DuckingMode,
    DuckingState,
    Mend,
    Policy,
    chosen,
    step,
)
from auricle.ducking.saved_volumes import SavedVolumes

DUCK = Policy(DuckingMode.DUCK, 20.0)
PAUSE = Policy(DuckingMode.PAUSE, 20.0)
PROGRAMS = ("mpv", "radio", "browser")
LOUD = Volume((1.0, 0.9))


@dataclass
class World:
    """Programs with a stream each, a server that remembers their volumes, and their user."""

    policy: Policy
    record: SavedVolumes
    mendable: bool = True  # what the server remembers can be reached: PulseAudio, not PipeWire
    streams: dict[StreamKey, tuple[str, Volume]] = field(default_factory=dict)
    remembered: dict[str, Volume] = field(default_factory=dict)
    wanted_by_user: dict[str, Volume] = field(default_factory=dict)
    state: DuckingState = DuckingState()
    quiet: bool = False
    last: int = 0

    def key_of(self, program: str) -> StreamKey | None:
        return next((key for key, (name, _) in self.streams.items() if name == program), None)

    def set(self, key: StreamKey, setting: Volume) -> None:
        """Change a stream; the server remembers it for the program, whoever has changed it."""
        program, _ = self.streams[key]
        self.streams[key] = (program, setting)
        self.remembered[program] = setting

    def begin(self, program: str) -> None:
        """Let a program play, as loud as the server remembers."""
        if self.key_of(program) is None:
            self.last += 1
            setting = self.remembered.get(program, LOUD)
            self.wanted_by_user.setdefault(program, setting)
            self.streams[StreamKey(STREAMS, str(self.last))] = (program, setting)

    def end(self, program: str) -> None:
        self.streams.pop(self.key_of(program), None)

    def move(self, program: str, level: float) -> None:
        """Let the user move the volume of a program, which unmutes it."""
        key = self.key_of(program)
        if key is not None:
            self.wanted_by_user[program] = Volume((level, level))
            self.set(key, Volume((level, level)))

    def wish(self, quiet: bool) -> None:
        self.quiet = quiet

    def view(self) -> BackendView:
        sounds = tuple(
            PlayerStream(key, setting, program, playing=not setting.silent, memory=program)
            for key, (program, setting) in self.streams.items()
        )
        return BackendView(frozenset([STREAMS]), sounds, frozenset(self.streams))

    def settle(self, cut_off_after: int = -1) -> None:
        """Take steps as the daemon does; it may be killed after so many."""
        done = 0
        for _ in range(50):
            self.state, steps = step(self.state, self.policy, self.quiet, self.view())
            if done == cut_off_after:
                return
            self.record.write(self.state.undoable)
            if not steps:
                return
            for one in steps:
                done += 1
                if done == cut_off_after:
                    return
                self.make(one)
        raise AssertionError("there is always something left to change")

    def make(self, one: Change | Mend) -> None:
        if isinstance(one, Change):
            self.set(one.key, one.setting)
            self.state = self.state.confirmed(one, one.setting)
            return
        held = one.held
        remembered = self.remembered.get(held.memory)
        found = self.mendable and remembered is not None and not held.moved(remembered)
        if found:
            self.remembered[held.memory] = held.undone(remembered)
        self.state = self.state.mended(one, found)

    def kill(self) -> None:
        """Let the daemon be killed and start again: nobody wants quiet now."""
        self.quiet = False
        self.state = DuckingState({held.key: held for held in self.record.read()})


PROGRAM = st.sampled_from(PROGRAMS)
HAPPENING = st.one_of(
    st.tuples(st.just("begin"), PROGRAM),
    st.tuples(st.just("end"), PROGRAM),
    st.tuples(st.just("move"), PROGRAM, st.sampled_from([0.2, 0.5, 0.7, 1.0])),
    st.tuples(st.just("wish"), st.booleans()),
)
# What the daemon does about it: all, nothing yet, or only so many steps before it is killed.
FOLLOWED = st.one_of(st.just("settle"), st.just("settle"), st.just("wait"), st.integers(0, 3))


@settings(max_examples=60)
@given(
    policy=st.sampled_from([DUCK, PAUSE]),
    mendable=st.booleans(),
    happenings=st.lists(st.tuples(HAPPENING, FOLLOWED), max_size=25),
)
def test_whatever_happens_each_player_ends_where_its_user_wants_it(
    policy: Policy, mendable: bool, happenings: list[tuple[tuple[str, ...], str | int]]
) -> None:
    with TemporaryDirectory() as folder:
        world = World(policy, SavedVolumes(Path(folder) / "ducked.json"), mendable)
        world.begin("mpv")
        world.wish(True)
        world.settle()
        for (name, *words), followed in happenings:
            getattr(world, name)(*words)
            if followed == "settle":
                world.settle()
            elif isinstance(followed, int):
                world.settle(cut_off_after=followed)
                world.kill()
        world.wish(False)
        world.settle()
        if not mendable:  # whatever has gone ducked is brought back when it plays again
            for program in PROGRAMS:
                world.begin(program)
            world.settle()
        for program, setting in world.streams.values():
            assert setting == world.wanted_by_user[program]
        for program, setting in world.remembered.items():
            assert setting == world.wanted_by_user[program]
        assert world.state.at_rest


def sound(backend: str, name: str, **more: object) -> PlayerStream:
    return PlayerStream(StreamKey(backend, name), LOUD, name, aliases=frozenset([name]), **more)


def test_quieter_means_as_many_decibels_of_loudness() -> None:
    levels = DUCK.ducked(sound(STREAMS, "mpv")).levels
    assert levels[0] ** 3 == pytest.approx(0.1)  # 20 dB
    assert levels[1] / levels[0] == pytest.approx(0.9)  # the balance stays


def test_a_player_whose_stream_is_seen_too_is_ducked_once() -> None:
    player, stream, radio = (
        sound(PLAYERS, "mpv"),
        sound(STREAMS, "mpv"),
        sound(PLAYERS, "radio", process=7),
    )
    helper = sound(STREAMS, "radio helper", process=7)
    both = (player, stream, radio, helper, sound(MIXER, "Master"))
    assert set(chosen(both, DuckingMode.DUCK, set())) == {stream, helper}
    assert set(chosen(both, DuckingMode.PAUSE, set())) == {player, radio}
    assert chosen(both, DuckingMode.DUCK, {player.key, radio.key}) == []


def test_a_player_that_can_be_neither_paused_nor_set_leaves_its_stream_to_be_ducked() -> None:
    fixed = sound(PLAYERS, "web", can_level=False, can_silence=False)
    stream = sound(STREAMS, "web")
    for mode in (DuckingMode.DUCK, DuckingMode.PAUSE):
        assert chosen((fixed, stream), mode, set()) == [stream]


def test_the_mixer_is_taken_only_where_nothing_else_plays() -> None:
    mixer, idle = sound(MIXER, "Master"), sound(PLAYERS, "mpv", playing=False)
    assert chosen((mixer, idle), DuckingMode.DUCK, set()) == [mixer]


def test_a_player_that_does_not_answer_is_brought_back_when_it_does() -> None:
    key = StreamKey(PLAYERS, "slow")
    loud = PlayerStream(key, Volume((0.8,)), "slow")
    everything = frozenset([PLAYERS])
    state, (change,) = step(
        DuckingState(), DUCK, True, BackendView(everything, (loud,), frozenset([key]))
    )
    state = state.confirmed(change, change.setting)
    state, steps = step(state, DUCK, False, BackendView(everything, (), frozenset([key])))
    assert not steps
    assert not state.at_rest
    answers = BackendView(
        everything, (PlayerStream(key, change.setting, "slow"),), frozenset([key])
    )
    state, (change,) = step(state, DUCK, False, answers)
    assert change == Change(key, Volume((0.8,)))


def test_a_player_that_takes_only_whole_steps_is_brought_back_too() -> None:
    key = StreamKey(PLAYERS, "coarse")
    loud = PlayerStream(key, Volume((1.0,)), "coarse", grain=0.01)
    state, (change,) = step(
        DuckingState(), DUCK, True, BackendView(frozenset([PLAYERS]), (loud,), frozenset([key]))
    )
    taken = Volume((0.5,))  # and not 0.46
    state = state.confirmed(change, taken)
    now = BackendView(frozenset([PLAYERS]), (PlayerStream(key, taken, "coarse"),), frozenset([key]))
    assert step(state, DUCK, True, now)[1] == ()
    assert step(state, DUCK, False, now)[1] == (Change(key, loud.setting),)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world in which one program plays and is ducked."""
    world = World(DUCK, SavedVolumes(tmp_path / "ducked.json"))
    world.begin("mpv")
    world.wish(True)
    world.settle()
    return world


def test_what_its_user_has_moved_is_left_alone_until_quiet_is_wanted_anew(world: World) -> None:
    world.move("mpv", 0.7)
    world.settle()
    assert world.remembered["mpv"] == Volume((0.7, 0.7))
    world.wish(False)
    world.settle()
    world.wish(True)
    world.settle()
    assert world.remembered["mpv"] == Volume((0.7, 0.7)).scaled(10 ** (-20 / 60))


def test_what_was_just_brought_back_is_ducked_anew(world: World) -> None:
    ducked = world.remembered["mpv"]
    world.wish(False)
    world.state, steps = step(world.state, DUCK, False, world.view())
    for one in steps:
        world.make(one)
    assert world.remembered["mpv"] == LOUD
    world.wish(True)  # before the daemon has looked again
    world.settle()
    assert world.remembered["mpv"] == ducked
