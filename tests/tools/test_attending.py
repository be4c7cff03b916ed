"""How attention to names is trained and exported, on words that are tones."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.errors import ModelError
from auricle.recognizer.biasing.attending import ContextEncoder, Listener, numbered
from auricle_train import augment
from auricle_train.attending import training
from auricle_train.attending.drawing import Drawing, Names
from auricle_train.attending.export import export
from auricle_train.attending.heard import Heard, listen, read
from auricle_train.attending.network import Attending, AttendingShape
from auricle_train.network import STACK
from stage.small_training import SHAPE, TOKENIZER, make_objective, tone

SMALL = AttendingShape(shared=SHAPE.width, joint=SHAPE.joint, width=32, letters=32, head=8)
FEW = Names(elsewhere=4, others=4)
CHUNK = 8


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> list[Heard]:
    folder = tmp_path_factory.mktemp("heard")
    quiet = augment.Sounds([np.full(16000, 1e-4, np.float32)])
    clips = [tone(300, "lo"), tone(2500, "hi")] * 4
    listen(clips, quiet, make_objective().model.eval(), TOKENIZER, folder)
    return read(folder)


def drawing(heard: list[Heard]) -> Drawing:
    # Networks that know nothing align anyhow: the tone ends where the silence after it begins.
    ended = [replace(clip, ends=(len(clip.frames) - 9,)) for clip in heard]
    return Drawing(ended, ["ho", "li", "oh oh"], frozenset(), 16.0, 1, FEW)


def make_run(folder: Path, rate: float = 3e-3) -> training.Run:
    torch.manual_seed(1)
    plan = training.AttendingPlan(minutes=60, rate=rate, warm_steps=5, log_steps=1)
    return training.Run(Attending(SMALL), plan, folder / "checkpoint.pt")


def test_all_that_is_heard_is_kept_with_the_ends_of_words(heard: list[Heard]) -> None:
    assert sorted(clip.words for clip in heard) == [("hi",)] * 4 + [("lo",)] * 4
    for clip in heard:
        assert clip.shared.shape == (len(clip.frames) * STACK, SHAPE.width)
        assert len(clip.ends) == 1
        assert 0 <= clip.ends[0] < len(clip.frames)


def test_every_place_where_a_name_is_said_is_known() -> None:
    frames = np.zeros((40, 4), np.float16)
    words = ("call", "anna", "and", "bob", "and", "anna", "bell")
    clip = Heard(words, (3, 8, 11, 15, 18, 25, 30), np.zeros((80, 4), np.float16), frames)
    draw = Drawing([clip], ["carol", "anna bell"], frozenset({"and"}), 40.0, 5, FEW)
    seen: dict[str, set[int]] = {}
    for batch in islice(draw, 30):
        for row, name, end in batch.ends.tolist():
            letters = [" 'abcdefghijklmnopqrstuvwxyz"[n - 1] for n in batch.letters[name] if n]
            seen.setdefault("".join(letters), set()).add(end)
            assert batch.said[row, name]
        assert set(batch.ends[:, 1].tolist()) == set(batch.said.nonzero()[:, 1].tolist())
    assert seen["anna"] == {8, 25}
    assert seen["anna bell"] == {30}
    assert "carol" not in seen


def test_it_learns_which_tone_is_which_name_and_goes_on_where_it_was(
    heard: list[Heard], tmp_path: Path
) -> None:
    run = make_run(tmp_path)
    run.train(islice(drawing(heard), 100), tmp_path / "log.jsonl")
    again = make_run(tmp_path)
    assert again.step == run.step == 100
    again.train(islice(drawing(heard), 40), tmp_path / "log.jsonl")
    batch = next(iter(drawing(heard)))
    with torch.no_grad():
        scores = again.model(batch.shared, batch.frames, batch.letters)
    assert training.losses(scores, batch, 4.0)[3] > 0.7  # share ranked before what nobody says


def test_the_name_that_is_said_is_likelier_and_mostly_there_is_none(
    heard: list[Heard], tmp_path: Path
) -> None:
    run = make_run(tmp_path)
    run.train(islice(drawing(heard), 120), tmp_path / "log.jsonl")
    clip = next(clip for clip in heard if clip.words == ("lo",))
    letters = torch.from_numpy(numbered(["lo", "hi"]).astype(np.int64))
    with torch.no_grad():
        scores = run.model(
            torch.from_numpy(clip.shared.astype(np.float32))[None],
            torch.from_numpy(clip.frames.astype(np.float32))[None],
            letters,
        )[0]
    assert scores[:, 0].max() > scores[:, 1].max()
    assert scores.median() < 0  # at most moments nobody says a name


@pytest.mark.parametrize(("quantize", "error"), [(False, 1e-6), (True, 0.02)])
def test_the_graphs_say_chunk_by_chunk_what_the_networks_say_of_the_whole(
    quantize: bool, error: float, tmp_path: Path
) -> None:
    torch.manual_seed(2)
    model = Attending(SMALL).eval()
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    export(SMALL, CHUNK, weights, tmp_path, quantize)
    shared = torch.randn(1, 5 * CHUNK * STACK, SMALL.shared)
    frames = torch.randn(1, 5 * CHUNK, SMALL.joint)
    forms = ["siobhan", "o'hara", "x"]
    with torch.no_grad():
        whole = model(shared, frames, torch.from_numpy(numbered(forms).astype(np.int64)))[0].numpy()
    listener = Listener(tmp_path / "listener.tflite", 1)
    keys = ContextEncoder(tmp_path / "names.tflite", 1).keys(forms)
    state, parts = listener.initial_state(), []
    for first in range(0, 5 * CHUNK, CHUNK):
        chunk = (
            shared[0, first * STACK : (first + CHUNK) * STACK].numpy(),
            frames[0, first : first + CHUNK].numpy(),
        )
        state, queries = listener.step(state, chunk)
        parts.append(queries.scores(keys))
    found = np.concatenate(parts)
    assert np.mean((found - whole) ** 2) / np.var(whole) < error


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a checkpoint"):
        training.load(tmp_path / "checkpoint.pt")
