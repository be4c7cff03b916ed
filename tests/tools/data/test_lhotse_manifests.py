"""Manifests of corpora, laid out as their publishers do, of a few real recordings."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from lhotse import CutSet

from auricle.audio.file import read_recording
from auricle_train.data.corpus import Clip
from auricle_train.data.layouts import LAYOUTS
from auricle_train.data.layouts.utterance import LayoutError, Utterance
from auricle_train.data.lhotse_manifests import Report, clips_of, examine, split_of, write_manifest
from testbed.recordings import Recording

Recordings = dict[str, Recording]
SENTENCE, WORD = "must_sleep", "down"


def put(recording: Recording, path: Path) -> None:
    """Write a recording in the format that the name's ending tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, read_recording(recording.path), 16_000)


def put_text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def librispeech(root: Path, recordings: Recordings) -> None:
    for part in ("train-clean-100", "dev-other"):
        chapter = root / "LibriSpeech" / part / "19" / "198"
        put(recordings[SENTENCE], chapter / "19-198-0000.flac")
        put_text(chapter / "19-198.trans.txt", "19-198-0000 YOU MUST SLEEP HE URGED")


def common_voice(root: Path, recordings: Recordings) -> None:
    for split in ("train", "dev"):
        put(recordings[SENTENCE], root / "en" / "clips" / f"{split}.mp3")
        put_text(root / "en" / f"{split}.tsv", "client_id\tpath\tsentence\tage",
                 f"ab{split}\t{split}.mp3\t“You must sleep,” he urged.\t")  # fmt: skip


def speech_commands(root: Path, recordings: Recordings) -> None:
    for name in ("0a7c_nohash_0", "0b7c_nohash_0"):
        put(recordings[WORD], root / "down" / f"{name}.wav")
    put(recordings["rain"], root / "_background_noise_" / "rain.wav")
    put_text(root / "validation_list.txt", "down/0b7c_nohash_0.wav")
    put_text(root / "testing_list.txt", "")


def vctk(root: Path, recordings: Recordings) -> None:
    for speaker in (_speaker("train"), _speaker("dev")):
        for microphone in ("mic1", "mic2"):
            folder = root / "wav48_silence_trimmed" / speaker
            put(recordings[SENTENCE], folder / f"{speaker}_001_{microphone}.flac")
        put_text(root / "txt" / speaker / f"{speaker}_001.txt", "You must sleep, he urged.")


def _speaker(split: str) -> str:
    """Return a speaker of VCTK who belongs to a split."""
    return next(name for number in range(225, 376)
                if split_of(f"vctk-{(name := f'p{number}')}") == split)  # fmt: skip


def slurp(root: Path, recordings: Recordings) -> None:
    texts = root / "dataset" / "slurp"
    for number, split in enumerate(("train", "devel")):
        name = f"audio-{number}-headset.flac"
        put(recordings[SENTENCE], root / "audio" / "slurp_real" / name)
        heard = [{"file": name, "status": "correct"}, {"file": "wrong.flac", "status": "wrong"}]
        entry = {"sentence": "you must sleep he urged", "recordings": heard}
        put_text(texts / f"{split}.jsonl", json.dumps(entry))
    about = {"recordings": {"audio--0-headset.flac": {"usrid": "MO-433"}}}
    put_text(texts / "metadata.json", json.dumps({"1": about}))


def folder(root: Path, recordings: Recordings) -> None:
    for name in ("a/one", "b/two"):
        put(recordings[SENTENCE], root / f"{name}.ogg")
        put_text(root / f"{name}.txt", "You must sleep, he urged!")


def table(root: Path, recordings: Recordings) -> None:
    put(recordings[SENTENCE], root / "one.wav")
    put_text(root / "texts.csv", "path,text,speaker,split",
             'one.wav,"You must sleep, he urged",k,train', 'one.wav,You must sleep he urged,l,dev',
             )  # fmt: skip


def sets(root: Path, recordings: Recordings) -> None:
    root.mkdir()
    with tarfile.open(root / "mine.tar", "w") as tar:
        for name in ("one", "two", "three"):
            tar.add(recordings[SENTENCE].path, f"{name}.opus")
    put_text(root / "mine.tsv", "id\tspeaker\tlanguage\ttext\tsplit\tlicence",
             "one\tk\ten\tyou must sleep he urged\ttrain\tCC0-1.0",
             "two\tk\ten\tyou must sleep he urged\tdev\tCC0-1.0",
             "three\tk\ten\tyou must sleep he urged\tdev\tCC BY-SA 4.0")  # fmt: skip


CORPORA: dict[str, Callable[[Path, Recordings], None]] = {
    "sets": sets, "folder": folder, "table": table, "librispeech": librispeech,
    "common-voice": common_voice, "speech-commands": speech_commands, "vctk": vctk, "slurp": slurp,
}  # fmt: skip


def manifest(name: str, root: Path, any_licence: bool = False) -> tuple[Path, Report]:
    path = root.parent / f"{name}.jsonl.gz"
    found = LAYOUTS[name](root, root.parent / "unpacked")
    return path, write_manifest(found, path, any_licence=any_licence)


def clips(path: Path) -> list[Clip]:
    return [clip for split in ("train", "dev") for clip in clips_of(path, split)]


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_gives_clips_with_normalised_text(
    name: str, tmp_path: Path, recordings: Recordings
) -> None:
    CORPORA[name](tmp_path / "corpus", recordings)
    path, report = manifest(name, tmp_path / "corpus", any_licence=name == "slurp")
    found = clips(path)
    said = recordings[WORD if name == "speech-commands" else SENTENCE]
    assert report.kept == len(found) == 2
    for clip in found:
        assert clip.text == said.text
        assert clip.samples.dtype == np.int16
        assert len(clip.samples) / 16_000 == pytest.approx(said.seconds, abs=0.1)


@pytest.mark.parametrize("name", [name for name in CORPORA if name != "folder"])
def test_the_splits_of_a_corpus_are_kept(name: str, tmp_path: Path, recordings: Recordings) -> None:
    CORPORA[name](tmp_path / "corpus", recordings)
    path, _ = manifest(name, tmp_path / "corpus", any_licence=name == "slurp")
    assert [len(list(clips_of(path, split))) for split in ("train", "dev")] == [1, 1]


def test_recordings_without_text_are_kept_if_asked_for(
    tmp_path: Path, recordings: Recordings
) -> None:
    put(recordings[SENTENCE], tmp_path / "corpus" / "one.wav")
    found = LAYOUTS["folder"](tmp_path / "corpus", tmp_path)
    with pytest.raises(LayoutError, match="1 without text"):
        write_manifest(found, tmp_path / "one.jsonl.gz")
    found = LAYOUTS["folder"](tmp_path / "corpus", tmp_path)
    report = write_manifest(found, tmp_path / "one.jsonl.gz", unlabelled=True)
    assert (report.kept, [clip.text for clip in clips(tmp_path / "one.jsonl.gz")]) == (1, [""])


def test_lhotse_reads_the_manifest(tmp_path: Path, recordings: Recordings) -> None:
    librispeech(tmp_path / "corpus", recordings)
    path, _ = manifest("librispeech", tmp_path / "corpus")
    cuts = CutSet.from_file(path)
    for cut, part in zip(cuts, ("dev-other", "train-clean-100"), strict=True):
        said = cut.supervisions[0]
        assert (said.speaker, said.custom["licence"]) == ("ls-19", "CC-BY-4.0")
        assert said.custom["source"] == f"LibriSpeech {part}"
        expected = read_recording(recordings[SENTENCE].path) / 32768
        np.testing.assert_allclose(cut.load_audio()[0], expected, atol=1e-4)


def test_what_may_not_be_shipped_is_left_out_unless_asked_for(
    tmp_path: Path, recordings: Recordings
) -> None:
    sets(tmp_path / "corpus", recordings)
    _, report = manifest("sets", tmp_path / "corpus")
    assert report.kept == 2
    assert "dropped 1: 1 whose licence forbids" in str(report)
    _, report = manifest("sets", tmp_path / "corpus", any_licence=True)
    assert (report.kept, report.dropped.total()) == (3, 0)


def test_bad_clips_are_dropped_and_counted_by_reason(
    tmp_path: Path, recordings: Recordings
) -> None:
    good = tmp_path / "good.wav"
    put(recordings[SENTENCE], good)
    noise, torn, silent = (tmp_path / name for name in ("noise.wav", "torn.wav", "silent.wav"))
    noise.write_bytes(b"no audio")
    torn.write_bytes(good.read_bytes()[:20_000])
    soundfile.write(silent, np.zeros(16_000, np.int16), 16_000)
    said = "you must sleep he urged"
    cases = {
        "whose audio is missing": (tmp_path / "none.wav", said),
        "whose audio is not readable": (noise, said),
        "without text (see --unlabelled)": (good, " -- "),
        "with digits in the text, whose pronunciation is unknown": (good, "sleep at 10"),
        "whose text is too long or too short for the audio": (good, said * 4),
        "without speech": (silent, "you must sleep"),
    }
    bad = [Utterance(reason, path, text) for reason, (path, text) in cases.items()]
    report = write_manifest(
        [*bad, Utterance("torn", torn, said), Utterance("good", good, said)],
        tmp_path / "all.jsonl.gz",
    )
    assert report.kept == 1
    assert report.dropped == dict.fromkeys(cases, 1) | {"whose audio is not readable": 2}
    assert [clip.name for clip in clips(tmp_path / "all.jsonl.gz")] == ["good"]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_wrong_folder_is_one_clear_error(name: str, tmp_path: Path) -> None:
    put_text(tmp_path / "corpus" / "README", "no corpus")
    with pytest.raises(LayoutError, match=r"^source: .*corpus has .*; name ") as raised:
        manifest(name, tmp_path / "corpus")
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.glob("*.gz"))


def test_nothing_fit_is_an_error_and_leaves_no_manifest(
    tmp_path: Path, recordings: Recordings
) -> None:
    slurp(tmp_path / "corpus", recordings)
    with pytest.raises(LayoutError, match="2 whose licence forbids shipping a model"):
        manifest("slurp", tmp_path / "corpus")
    assert not list(tmp_path.glob("*.gz"))


def test_a_speaker_is_always_in_the_same_split() -> None:
    splits = [split_of(f"speaker-{number}") for number in range(2000)]
    assert 0.05 < splits.count("dev") / len(splits) < 0.11
    assert splits == [split_of(f"speaker-{number}") for number in range(2000)]


def test_quiet_speech_is_speech(tmp_path: Path, recordings: Recordings) -> None:
    samples = read_recording(recordings[SENTENCE].path) // 30
    soundfile.write(tmp_path / "quiet.wav", samples, 16_000)
    made = examine(Utterance("quiet", tmp_path / "quiet.wav", "you must sleep he urged"))
    assert not isinstance(made, str)
