"""The recogniser on real recordings, with the shipped networks."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from auricle.audio.file import read_recording
from auricle.bundle.manifest import Bundle, load_bundle
from auricle.context.entries import Context, Entry
from auricle.errors import ModelError
from auricle.features import LogMel
from auricle.lattice.result import Result
from auricle.recognizer.attention_decoder import AttentionDecoder
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.encoder import Encoder, TransducerScorer
from auricle.recognizer.loading import load_recognizer
from auricle.recognizer.partial_text import PartialOptions
from auricle.recognizer.recognizer import Recognizer
from auricle.recognizer.second_pass import SecondPassMode, SecondPassOptions
from auricle.tflite.graph import Graph
from testbed.recordings import Recording

SHIPPED = Path(__file__).parents[2] / "models" / "en-tiny"
REFERENCE = Path(__file__).parent / "reference.npz"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(SHIPPED, "recognizer")


@pytest.fixture(scope="module")
def recognizer(bundle: Bundle) -> Recognizer:
    return load_recognizer(bundle, SearchOptions(beam=4), threads=1)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(sizes=st.lists(st.integers(1, 20000), max_size=8))
def test_any_chunking_gives_the_same_result(
    recognizer: Recognizer, recordings: dict[str, Recording], sizes: list[int]
) -> None:
    samples = read_recording(recordings["must_sleep"].path)
    whole, _ = recognizer.step(recognizer.initial_state(), samples)
    state, begin = recognizer.initial_state(), 0
    for size in [*sizes, len(samples)]:
        state, _ = recognizer.step(state, samples[begin : begin + size])
        begin += size
    ended = [recognizer.result(recognizer.look_ahead(one)[0]) for one in (whole, state)]
    assert ended[0].text == ended[1].text
    assert ended[0].nbest[0].score == pytest.approx(ended[1].nbest[0].score, abs=0.05)


def test_a_real_sentence_gives_words_in_order_within_the_recording(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    recording = recordings["slightest_idea"]
    samples = read_recording(recording.path)
    state, _ = recognizer.step(recognizer.initial_state(start=7.0), samples)
    result = recognizer.result(recognizer.look_ahead(state)[0])
    assert set(result.text.split()) & set(recording.text.split())
    assert [word.word for word in result.words] == result.text.split()
    times = [time for word in result.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= 7.0
    assert times[-1] <= 7.0 + len(samples) / 16000 + 0.05
    assert all(0 < word.confidence <= 1 for word in result.words)


def test_a_glance_is_due_once_a_chunk_and_leaves_the_stream_as_it_was(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    samples = read_recording(recordings["slightest_idea"].path)
    plain, looked, glances = recognizer.initial_state(), recognizer.initial_state(), 0
    for begin in range(0, len(samples), 160):
        plain, _ = recognizer.step(plain, samples[begin : begin + 160])
        looked, _ = recognizer.step(looked, samples[begin : begin + 160])
        if recognizer.glance_due(looked):
            before, looked = looked, recognizer.glance(looked)
            glances += 1
            assert looked.shown.startswith(before.shown)
            assert not recognizer.glance_due(looked)
    assert glances == pytest.approx(len(samples) / 16000 / 0.64, abs=1.0)
    first, second = (recognizer.result(recognizer.look_ahead(one)[0]) for one in (plain, looked))
    assert (first.text, first.nbest[0].score) == (second.text, second.nbest[0].score)
    assert plain.firm == looked.firm
    assert len(plain.firm) > 2


def test_a_recogniser_without_glances_never_asks_for_one(recognizer: Recognizer) -> None:
    still = recognizer.limited(4, SecondPassMode.OFF, 1, glances=False)
    state, _ = still.step(still.initial_state(), np.zeros(9000, np.int16))
    assert recognizer.glance_due(state)
    assert not still.glance_due(state)
    assert not recognizer.with_partials(PartialOptions(glance_seconds=None)).glance_due(state)


def test_looking_ahead_leaves_the_stream_as_it_was(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    samples = read_recording(recordings["why_are_you_here"].path)
    plain = peeked = recognizer.initial_state()
    for begin in range(0, len(samples), 3000):
        plain, _ = recognizer.step(plain, samples[begin : begin + 3000])
        peeked, _ = recognizer.step(peeked, samples[begin : begin + 3000])
        recognizer.look_ahead(peeked)
    assert recognizer.result(plain).nbest == recognizer.result(peeked).nbest


def test_audio_before_listening_conditions_the_encoder_but_gives_no_words(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    samples = read_recording(recordings["must_sleep"].path)
    seconds = len(samples) / 16000
    state = recognizer.initial_state(start=0.0, listen=seconds + 1.0)
    state, progress = recognizer.step(state, np.concatenate([samples, np.zeros(16000, np.int16)]))
    assert progress.text == ""
    assert state.encoder.position[0] > 0


def heard(recognizer: Recognizer, samples: NDArray[np.int16], *names: str) -> Result:
    """Return the result of a recording with media names to favour."""
    context = Context(tuple(Entry("media", name, id=str(n)) for n, name in enumerate(names)))
    biasing = recognizer.biasing_of(context)
    state, _ = recognizer.step(recognizer.initial_state(biasing=biasing), samples)
    return recognizer.result(recognizer.look_ahead(state)[0])


def test_biasing_corrects_a_misrecognised_name(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    sentence = recordings["mcveigh"]
    samples = read_recording(sentence.path)
    assert heard(recognizer, samples).text != sentence.text
    assert heard(recognizer, samples, "Kathleen", "Thriller").text != sentence.text
    result = heard(recognizer, samples, "Thriller", "McVeigh")
    assert result.text == sentence.text
    assert [(name.kind, name.written, name.id) for name in result.names] == [
        ("media", "McVeigh", "1")
    ]
    arcs = {arc.word: (arc.entry, arc.kind) for arc in result.lattice.best_path().arcs}
    assert arcs["mcveigh"] == ("1", "media")
    assert arcs["told"] == (None, None)


def test_names_that_are_not_spoken_change_nothing(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    names = ("Kathleen Hoffmann", "May", "Will", "Off", "Zanzibar", "Bohemian Rhapsody")
    for recording in ("must_sleep", "slightest_idea", "no_remonstrance"):
        samples = read_recording(recordings[recording].path)
        result = heard(recognizer, samples, *names)
        assert result.text == heard(recognizer, samples).text
        assert result.names == ()


def test_an_empty_context_is_like_no_context(
    recognizer: Recognizer, recordings: dict[str, Recording]
) -> None:
    samples = read_recording(recordings["must_sleep"].path)
    plain, _ = recognizer.step(recognizer.initial_state(), samples)
    assert recognizer.biasing_of(Context()) is None
    assert heard(recognizer, samples) == recognizer.result(recognizer.look_ahead(plain)[0])


def test_the_first_pass_alone_favours_names_too(
    bundle: Bundle, recordings: dict[str, Recording]
) -> None:
    alone = SecondPassOptions(mode=SecondPassMode.OFF)
    recognizer = load_recognizer(bundle, SearchOptions(beam=4), threads=1, second=alone)
    sentence = recordings["no_remonstrance"]
    samples = read_recording(sentence.path)
    assert heard(recognizer, samples).text != sentence.text
    result = heard(recognizer, samples, "Remonstrance")
    assert result.text == sentence.text
    assert [name.written for name in result.names] == ["Remonstrance"]
    path = result.lattice.best_path()
    assert path.text == result.text
    assert sum(arc.score for arc in path.arcs) == pytest.approx(result.nbest[0].score, abs=1e-4)


def test_the_quantized_encoder_agrees_with_pytorch(
    bundle: Bundle, recordings: dict[str, Recording]
) -> None:
    """The reference is what PyTorch computes in float32; int8 weights may differ by 2 %."""
    reference = np.load(REFERENCE)
    samples = read_recording(recordings[str(reference["recording"])].path)
    encoder = Encoder(bundle.path("trunk.tflite.gz"), bundle.path("top.tflite.gz"), threads=1)
    features = LogMel().whole(samples)
    state, frames = encoder.initial_state(), []
    for begin in range(0, len(features) - encoder.chunk + 1, encoder.chunk):
        state, some = encoder.step(state, features[begin : begin + encoder.chunk])
        frames.append(some.frames)
    ours, theirs = np.concatenate(frames), reference["frames"].astype(np.float32)
    theirs = theirs[: len(ours)]
    assert np.mean((ours - theirs) ** 2) / np.var(theirs) < 0.02


def test_the_quantized_joint_agrees_with_pytorch(bundle: Bundle) -> None:
    reference = np.load(REFERENCE)
    scorer = TransducerScorer(
        bundle.path("predictor.tflite.gz"), bundle.path("joint.tflite.gz"), threads=1
    )
    contexts = [tuple(int(token) for token in pair) for pair in reference["contexts"]]
    for frame, expected in zip(reference["frames"], reference["log_probs"], strict=True):
        log_probs = scorer.log_probs(frame.astype(np.float32), contexts)
        likely = expected > np.log(0.01)
        np.testing.assert_allclose(
            np.exp(log_probs[likely]), np.exp(expected[likely].astype(np.float32)), atol=0.1
        )


def test_pytorch_and_tflite_give_the_same_text(
    bundle: Bundle, recordings: dict[str, Recording]
) -> None:
    alone = SecondPassOptions(mode=SecondPassMode.OFF)
    recognizer = load_recognizer(bundle, SearchOptions(beam=4), threads=1, second=alone)
    reference = np.load(REFERENCE)
    samples = read_recording(recordings[str(reference["recording"])].path)
    state, _ = recognizer.step(recognizer.initial_state(), samples)
    result = recognizer.result(recognizer.look_ahead(state)[0])
    assert result.text == str(reference["text"])


def test_many_contexts_are_scored_in_groups_like_one_by_one(bundle: Bundle) -> None:
    scorer = TransducerScorer(
        bundle.path("predictor.tflite.gz"), bundle.path("joint.tflite.gz"), threads=1
    )
    frame = np.random.default_rng(0).standard_normal(scorer.width).astype(np.float32)
    contexts = [(number, number + 1) for number in range(19)]
    together = scorer.log_probs(frame, contexts)
    single = np.concatenate([scorer.log_probs(frame, [context]) for context in contexts])
    np.testing.assert_allclose(together, single, atol=0.02)


def test_swapped_graphs_are_refused(bundle: Bundle) -> None:
    with pytest.raises(ModelError, match=r"joint\.tflite\.gz: its inputs are .*frame"):
        Encoder(bundle.path("joint.tflite.gz"), bundle.path("top.tflite.gz"), threads=1)
    with pytest.raises(ModelError, match=r"joint\.tflite\.gz: its outputs are \['log_probs'\]"):
        Graph(bundle.path("joint.tflite.gz"), ("frame", "predictions"), ("scores",), 1, "auto")


@pytest.fixture
def joint(bundle: Bundle) -> Graph:
    inputs, outputs = ("frame", "predictions"), ("log_probs",)
    return Graph(bundle.path("joint.tflite.gz"), inputs, outputs, 1, "auto")


@pytest.mark.parametrize("name", ["frame", "log_probs"])
def test_a_tensor_of_another_shape_is_refused(joint: Graph, name: str) -> None:
    joint.expect(name, (-1, joint.shape(name)[1]))
    with pytest.raises(ModelError, match=f"{name}.*has shape .* install the bundle again"):
        joint.expect(name, (-1, 7))


@pytest.mark.parametrize(("dtype", "width"), [(np.float32, 7), (np.int32, None)])
def test_a_network_that_cannot_run_is_reported_with_a_remedy(
    joint: Graph, dtype: type, width: int | None
) -> None:
    rows, usual = joint.shape("predictions")
    with pytest.raises(ModelError, match=r"joint\.tflite\.gz: cannot be run .* install the bundle"):
        joint(
            frame=np.zeros((1, width or usual), dtype),
            predictions=np.zeros((rows, usual), np.float32),
        )


def test_an_unknown_token_is_a_model_error(bundle: Bundle) -> None:
    scorer = TransducerScorer(
        bundle.path("predictor.tflite.gz"), bundle.path("joint.tflite.gz"), threads=1
    )
    with pytest.raises(ModelError, match=r"predictor\.tflite\.gz: cannot be run"):
        scorer.log_probs(np.zeros(scorer.width, np.float32), [(0, 10**6)])


def sign(folder: Path, *files: str) -> Path:
    """Write the current sha256 of files into the manifest; return the folder."""
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    for file in files:
        manifest["files"][file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    path.write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return folder


def test_files_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "odd"))
    lines = (folder / "tokens.txt").read_text().splitlines()
    (folder / "tokens.txt").write_text("\n".join(lines[:-1]) + "\n")
    odd = load_bundle(sign(folder, "tokens.txt"), "recognizer")
    with pytest.raises(ModelError, match="do not fit each other"):
        load_recognizer(odd, SearchOptions(), threads=1)


def test_a_bundle_without_its_settings_is_refused(bundle: Bundle) -> None:
    odd = replace(bundle, settings=bundle.settings | {"frame_features": "four"})
    with pytest.raises(ModelError, match=r"settings\.frame_features: 'four'"):
        load_recognizer(odd, SearchOptions(), threads=1)


@pytest.mark.parametrize(
    ("key", "value"),
    [("features", "log-mel, 40 bands"), ("features", None), ("chunk_features", 32)],
)
def test_a_bundle_made_for_other_features_or_chunks_is_refused(
    bundle: Bundle, key: str, value: str | int | None
) -> None:
    odd = replace(bundle, settings=bundle.settings | {key: value})
    with pytest.raises(ModelError, match=rf"settings\.{key}: {value!r} is not .* made for this"):
        load_recognizer(odd, SearchOptions(), threads=1)


def test_the_quantized_decoder_agrees_with_pytorch(
    bundle: Bundle, recordings: dict[str, Recording]
) -> None:
    """Compare the probabilities of the pieces that PyTorch finds likely after each piece."""
    reference = np.load(REFERENCE)
    samples = read_recording(recordings[str(reference["recording"])].path)
    decoder = AttentionDecoder(bundle.path("memory.tflite.gz"), bundle.path("decoder.tflite.gz"), 1)
    state, log_probs = decoder.begin(LogMel().whole(samples))
    scores = [log_probs[0]]
    for piece in reference["pieces"].tolist():
        state, log_probs = decoder.step(state, [piece], [0])
        scores.append(log_probs[0])
    ours = np.take_along_axis(np.stack(scores), reference["likely"], axis=1)
    np.testing.assert_allclose(np.exp(ours), np.exp(reference["likely_log_probs"]), atol=0.1)
