"""The table of language model weights, on one real recording with the shipped networks."""

from __future__ import annotations

import shutil
from argparse import ArgumentTypeError
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from auricle.audio.file import read_recording
from auricle.bundle.manifest import load_bundle
from auricle.errors import ModelError
from auricle.lattice.result import Result
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import WORDS, load_recognizer
from auricle.recognizer.second_pass import SecondPassMode, SecondPassOptions
from auricle.recognizer.shallow_fusion import Weights
from auricle.recognizer.word_model import WordModel
from auricle.tokenizer import Tokenizer
from auricle_train.data.corpus import Clip
from auricle_train.evaluation.lm_weights import FirstPass, Half, choose
from auricle_train.lm.add_to_bundle import fuse
from auricle_train.lm.ngram import kneser_ney
from auricle_train.lm.token_lm import write
from auricle_train.lm.word_lm import make_words
from auricle_train.steps.tune_lm import weights
from testbed.recordings import Recording

SHIPPED = Path(__file__).parents[3] / "models" / "en-tiny"


def test_a_model_of_what_is_said_lowers_the_errors(
    tmp_path: Path, recordings: dict[str, Recording]
) -> None:
    said = recordings["why_are_you_here"]
    clip = Clip("one", read_recording(said.path), said.text, said.speaker)
    tokenizer = Tokenizer.load(SHIPPED / "tokens.txt")
    model = kneser_ney([tokenizer.encode(said.text)], len(tokenizer), 4)
    (tmp_path / "ngram.bin").write_bytes(write(model, tokenizer))
    first_pass = FirstPass(load_bundle(SHIPPED, "recognizer"), tmp_path / "ngram.bin")
    encoded = [first_pass.encode(clip)]
    without, _ = first_pass.measure(encoded, Weights(), beam=4)
    best, fewest = first_pass.measure(encoded, Weights(language=0.5, reward=1.0), beam=4)
    assert best[0].errors < without[0].errors
    assert fewest[0].errors <= best[0].errors
    assert best[0].words == len(said.text.split())


@pytest.mark.parametrize("count", [7, 8])
def test_what_is_reported_was_not_tuned_on(count: int) -> None:
    clips = [Clip(str(number), np.zeros(0, np.int16), "a", "") for number in range(count)]
    tuned, told = (choose(clips, half, 0) for half in (Half.TUNE, Half.REPORT))
    assert {clip.name for clip in tuned} | {clip.name for clip in told} == set(
        map(str, range(count))
    )
    assert not {clip.name for clip in tuned} & {clip.name for clip in told}
    assert len(choose(clips, Half.ALL, 3)) <= 3


def test_weights_are_read_from_the_command_line() -> None:
    assert weights("0.3,0.1,-1") == Weights(language=0.3, internal=0.1, reward=-1.0)
    with pytest.raises(ValueError, match="not enough values"):
        weights("0.3")
    named = weights("words=0.5,ctc=0.4,unknown=-8")
    assert named == Weights(words=0.5, ctc=0.4, unknown=-8.0)
    with pytest.raises(ArgumentTypeError, match="'volume' is not a weight: use some of language"):
        weights("volume=1")


def test_a_fused_bundle_is_heard_with_its_language_model(
    tmp_path: Path, recordings: dict[str, Recording]
) -> None:
    said = recordings["why_are_you_here"]
    folder, file = tmp_path / "mine", tmp_path / "model"
    shutil.copytree(SHIPPED, folder)
    tokenizer = Tokenizer.load(SHIPPED / "tokens.txt")
    file.write_bytes(write(kneser_ney([tokenizer.encode(said.text)], len(tokenizer), 4), tokenizer))
    for _ in range(2):  # the second time replaces the first
        fuse(folder, file, Weights(language=0.5, reward=1.0), ["a sentence (CC0)"])
    training = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))["training"]
    assert training["data"].count("text: a sentence (CC0)") == 1

    def hear(bundle: Path, options: SearchOptions) -> Result:
        first_alone = SecondPassOptions(mode=SecondPassMode.OFF)
        recognizer = load_recognizer(
            load_bundle(bundle, "recognizer"), options, threads=1, second=first_alone
        )
        state, _ = recognizer.step(recognizer.initial_state(), read_recording(said.path))
        return recognizer.result(recognizer.look_ahead(state)[0])

    fused = hear(folder, SearchOptions(beam=4))
    plain = hear(SHIPPED, SearchOptions(beam=4, weights=Weights()))
    assert fused.lattice != plain.lattice
    assert any(arc.graph for arc in fused.lattice.arcs)
    assert not any(arc.graph for arc in plain.lattice.arcs)
    assert hear(folder, SearchOptions(beam=4, weights=Weights())).lattice == plain.lattice


def test_words_get_into_a_bundle_and_leave_the_rest_as_it_is(tmp_path: Path) -> None:
    folder, file = tmp_path / "mine", tmp_path / "words"
    shutil.copytree(SHIPPED, folder)
    tokenizer = Tokenizer.load(SHIPPED / "tokens.txt")
    said = {"tmpl": ["turn on the light", "turn it off"] * 30}
    made = make_words(said, {"turn": 0.1, "zebra": 0.01}, tokenizer, 3, 10**6, ["tmpl"])
    file.write_bytes(made.content)
    fuse(folder, None, Weights(words=0.5, ctc=0.4), words=file)
    bundle = load_bundle(folder, "recognizer")  # which checks every file's digest
    assert bundle.settings["language_weights"]["words"] == 0.5
    model = WordModel.load(bundle.path(WORDS), tokenizer.pieces)
    assert "zebra" in model.lexicon.spelled(tokenizer.pieces)
    assert (folder / "pieces.txt").read_bytes() == (SHIPPED / "pieces.txt").read_bytes()
    with pytest.raises(ModelError, match="is not a word language model"):
        fuse(folder, None, Weights(), words=SHIPPED / "tokens.txt")


@pytest.mark.parametrize("wrong", ["half", {"language": 2.0}, {"volume": 1.0}, {"reward": "a"}])
def test_weights_that_cannot_be_are_refused_with_the_manifest(tmp_path: Path, wrong: Any) -> None:
    bundle = load_bundle(SHIPPED, "recognizer")
    bundle = replace(bundle, settings={**bundle.settings, "language_weights": wrong})
    with pytest.raises(ModelError, match=r"manifest\.yaml: settings\.language_weights: .* install"):
        load_recognizer(bundle, SearchOptions(), threads=1)


def test_a_model_of_another_vocabulary_does_not_get_into_a_bundle(tmp_path: Path) -> None:
    tokenizer = Tokenizer(["<blank>", "a"], [0.0, -1.0])
    file = tmp_path / "model"
    file.write_bytes(write(kneser_ney([[1, 1]], 2, 2), tokenizer))
    with pytest.raises(ModelError, match="another vocabulary"):
        fuse(SHIPPED, file, Weights())
