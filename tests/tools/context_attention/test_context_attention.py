"""How attention to names is trained and exported, on words that are tones."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from auricle.biasing.context_attention import LETTERS, ContextEncoder, QueryEncoder, numbered
from auricle.errors import ModelError
from auricle.features import LogMel
from auricle_train.context_attention import training
from auricle_train.context_attention.export import export
from auricle_train.context_attention.model import Attending, AttendingShape
from auricle_train.context_attention.sampling import Drawing, Names
from auricle_train.context_attention.word_alignment import AlignedUtterance, align_words
from auricle_train.data.encoder_cache import (
    SEARCH_FRAME,
    CachedUtterance,
    FrozenEncoder,
    Sound,
    read_cache,
    write_shard,
)
from auricle_train.models.top import Top, TopShape
from testbed.small_training import SHAPE, TOKENIZER, make_objective, tone

SMALL = AttendingShape(encoder_width=SHAPE.width, width=32, letters=32, head=8)
FEW = Names(elsewhere=4, others=4)
CHUNK = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of "lo" and "hi", each after a second of silence of which 0.8 s are skipped."""
    folder = tmp_path_factory.mktemp("cache")
    encoder = FrozenEncoder(make_objective().model.eval(), ("trunk", "encoder"))
    sounds = []
    for word in (tone(300, "lo"), tone(2500, "hi")):
        samples = np.pad(word.samples / np.float32(32768), (16000, 8000))
        sounds.append(Sound(LogMel().whole(samples), word.text, skipped=80))
    write_shard(folder, "00000", [sounds * 4], encoder)
    return folder


@pytest.fixture(scope="module")
def tones(folder: Path) -> list[AlignedUtterance]:
    # Networks that know nothing align anyhow: the tone ends where the silence after it begins.
    return [
        AlignedUtterance(one, (one.text,), (one.search_frames - 7,)) for one in read_cache(folder)
    ]


def cached(frames: int) -> CachedUtterance:
    """Return an utterance of nothing but zeros, of so many search frames."""
    zeros = np.zeros((frames * SEARCH_FRAME, 4), np.float16)
    return CachedUtterance(zeros, "", 0, "", (slice(0, 4),))


def drawing(tones: list[AlignedUtterance]) -> Drawing:
    return Drawing(tones, ["ho", "li", "oh oh"], frozenset(), 16.0, 1, FEW)


def make_run(folder: Path, rate: float = 3e-3) -> training.Run:
    torch.manual_seed(1)
    plan = training.AttendingPlan(minutes=60, rate=rate, warm_steps=5, log_steps=1)
    return training.Run(Attending(SMALL), plan, folder / "checkpoint.pt")


class SpelledTop(Top):
    """A top whose CTC hears a blank in each frame but a few, of which each is heard as a token."""

    def __init__(self, heard: dict[int, int]) -> None:
        super().__init__(TopShape(encoder_width=SHAPE.width, vocabulary=len(TOKENIZER)))
        self.heard = heard

    def encode(self, stacked: torch.Tensor) -> torch.Tensor:
        likely = torch.zeros(*stacked.shape[:2], self.shape.vocabulary)
        for frame in range(stacked.shape[1]):
            likely[:, frame, self.heard.get(frame, 0)] = 9.0
        return likely

    def ctc_log_probs(self, encoded: torch.Tensor) -> torch.Tensor:
        return encoded.log_softmax(-1)


def test_words_end_where_their_last_token_comes_after_what_is_skipped(folder: Path) -> None:
    low, high = TOKENIZER.encode("lo"), TOKENIZER.encode("hi")
    # The first two frames are skipped: a wake word that sounds like the text is not the text.
    top = SpelledTop({1: high[0], 12: high[-1], 16: low[-1]})
    found = align_words(read_cache(folder, ("encoder", "trunk")), top, TOKENIZER)
    assert [one.utterance.skipped for one in found] == [10] * 8
    assert {(one.words, one.ends) for one in found} == {(("hi",), (12,)), (("lo",), (16,))}
    (trunk,) = read_cache(folder, ("trunk",))[:1]
    assert found[0].reading(slice(1, 2)).utterance.columns == trunk.columns


def test_a_text_that_does_not_fit_is_left_out(folder: Path) -> None:
    first, *_ = read_cache(folder)
    long = CachedUtterance(first.frames, "lo " * 40, first.skipped, "", first.columns)
    skipped = CachedUtterance(first.frames, "lo", first.search_frames, "", first.columns)
    silent = CachedUtterance(first.frames, "", 0, "", first.columns)
    assert not align_words([long, skipped, silent], SpelledTop({}), TOKENIZER)


def test_every_place_where_a_name_is_said_is_known() -> None:
    words = ("call", "anna", "and", "bob", "and", "anna", "bell")
    one = AlignedUtterance(cached(40), words, (3, 8, 11, 15, 18, 25, 30))
    draw = Drawing([one], ["carol", "anna bell"], frozenset({"and"}), 40.0, 5, FEW)
    seen: dict[str, set[int]] = {}
    for batch in islice(draw, 30):
        for row, name, end in batch.ends.tolist():
            letters = [LETTERS[number - 1] for number in batch.letters[name] if number]
            seen.setdefault("".join(letters), set()).add(end)
            assert batch.said[row, name]
        assert set(batch.ends[:, 1].tolist()) == set(batch.said.nonzero()[:, 1].tolist())
    assert seen["anna"] == {8, 25}
    assert seen["anna bell"] == {30}
    assert "carol" not in seen


def test_the_keys_of_names_are_the_same_in_groups_and_at_once() -> None:
    names = sorted((LETTERS[2 : 3 + number % 20] + LETTERS[number // 20] for number in range(300)),
                   key=len)  # fmt: skip
    letters = torch.from_numpy(numbered(names).astype(np.int64))
    encoder = Attending(SMALL).names
    with torch.no_grad():
        torch.testing.assert_close(encoder.in_groups(letters), encoder(letters))


def test_it_learns_which_tone_is_which_name_and_goes_on_where_it_was(
    tones: list[AlignedUtterance], tmp_path: Path
) -> None:
    run = make_run(tmp_path)
    run.train(islice(drawing(tones), 100), tmp_path / "log.jsonl")
    again = make_run(tmp_path)
    assert again.step == run.step == 100
    again.train(islice(drawing(tones), 40), tmp_path / "log.jsonl")
    batch = next(iter(drawing(tones)))
    with torch.no_grad():
        scores = again.model(batch.stacked, batch.letters)
    assert training.losses(scores, batch, 4.0)[3] > 0.7  # share ranked before what nobody says


def test_the_name_that_is_said_is_likelier_and_mostly_there_is_none(
    tones: list[AlignedUtterance], tmp_path: Path
) -> None:
    run = make_run(tmp_path)
    run.train(islice(drawing(tones), 120), tmp_path / "log.jsonl")
    low = next(one for one in tones if one.words == ("lo",))
    letters = torch.from_numpy(numbered(["lo", "hi"]).astype(np.int64))
    with torch.no_grad():
        scores = run.model(torch.from_numpy(low.utterance.stacked())[None], letters)[0]
    assert scores[:, 0].max() > scores[:, 1].max()
    assert scores.median() < 0  # at most moments nobody says a name


def test_weights_alone_are_small_and_a_run_can_begin_with_those_that_fit(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.save()
    run.save_weights(tmp_path / "weights.pt")
    assert (tmp_path / "weights.pt").stat().st_size < (tmp_path / "checkpoint.pt").stat().st_size
    loaded = training.load(tmp_path / "weights.pt").state_dict()
    for name, value in run.model.state_dict().items():
        torch.testing.assert_close(loaded[name], value, rtol=1e-3, atol=1e-4)
    wider = Attending(AttendingShape(encoder_width=2 * SHAPE.width, width=32, letters=32, head=8))
    new = training.take_fitting(wider, tmp_path / "weights.pt")
    assert new == [
        "listener.input_norm.weight",
        "listener.input_norm.bias",
        "listener.input.weight",
    ]
    torch.testing.assert_close(wider.names.keys.weight.detach(), loaded["names.keys.weight"])


@pytest.mark.parametrize(("quantize", "error"), [(False, 1e-6), (True, 0.02)])
def test_the_graphs_say_chunk_by_chunk_what_the_networks_say_of_the_whole(
    quantize: bool, error: float, tmp_path: Path
) -> None:
    torch.manual_seed(2)
    model = Attending(SMALL).eval()
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    export(SMALL, CHUNK, weights, tmp_path, quantize)
    stacked = torch.randn(1, 5 * CHUNK, SMALL.inputs)
    forms = ["siobhan", "o'hara", "x"]
    with torch.no_grad():
        whole = model(stacked, torch.from_numpy(numbered(forms).astype(np.int64)))[0].numpy()
    listener = QueryEncoder(tmp_path / "listener.tflite", 1)
    keys = ContextEncoder(tmp_path / "names.tflite", 1).keys(forms)
    state, parts = listener.initial_state(), []
    for chunk in stacked[0].numpy().reshape(5, *listener.chunk):
        state, queries = listener.step(state, chunk)
        parts.append(queries.scores(keys))
    found = np.concatenate(parts)
    assert np.mean((found - whole) ** 2) / np.var(whole) < error


def test_streams_that_the_exported_encoder_lacks_are_refused(tmp_path: Path) -> None:
    shape = AttendingShape(streams=("trunk", "encoder"))
    with pytest.raises(ModelError, match="the exported encoder gives"):
        export(shape, CHUNK, {}, tmp_path)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a checkpoint"):
        training.load(tmp_path / "checkpoint.pt")
    torch.save({"shape": {"width": 3}, "model": {}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ModelError, match="not a checkpoint of `train-context-attention`"):
        training.load(tmp_path / "checkpoint.pt")
