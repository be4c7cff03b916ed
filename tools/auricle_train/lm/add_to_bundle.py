"""Adds language models and their tuned weights to a bundle.

In: a bundle folder, `ngram.bin`, `words.bin`, weights. Out: the same folder with the models and an
updated manifest.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from auricle.bundle.manifest import load_bundle
from auricle.recognizer.language_model import LanguageModel
from auricle.recognizer.loading import LANGUAGE, WORDS
from auricle.recognizer.shallow_fusion import Weights
from auricle.recognizer.word_model import WordModel
from auricle.tokenizer import Tokenizer

TEXTS = (
    "text: SNIPS 2017-06 custom intents (CC0 1.0; arXiv:1805.10190)",
    "text: CLINC150, training sentences (CC BY 3.0; Larson et al., EMNLP 2019)",
    "text: SLURP (CC BY 4.0; Bastianelli et al., EMNLP 2020)",
    "text: sentences made from templates, and transcripts of the recordings",
)


def fuse(
    folder: Path,
    language: Path | None,
    weights: Weights,
    texts: Sequence[str] = (),
    words: Path | None = None,
) -> None:
    """Copy models into a bundle, replace existing ones, and update the manifest.

    Args:
        folder: bundle folder.
        language: token language model (ngram.bin); None: keep the bundle's.
        weights: weights of the models in the search.
        texts: training texts in addition to `TEXTS`, with licences.
        words: word language model (words.bin); None: keep the bundle's.

    Raises:
        ModelError: the bundle or a model is damaged, or a model has another vocabulary.
    """
    bundle = load_bundle(folder, "recognizer")
    pieces = Tokenizer.load(bundle.path("tokens.txt")).pieces
    given = {LANGUAGE: language, WORDS: words}
    if language is not None:
        LanguageModel.load(language, pieces)
    if words is not None:
        WordModel.load(words, pieces)
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, file in given.items():
        if file is not None:
            shutil.copyfile(file, folder / name)
            manifest["files"][name] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest["settings"]["language_weights"] = asdict(weights)
    training = manifest.setdefault("training", {})
    speech = [source for source in training.get("data", []) if not source.startswith("text: ")]
    training["data"] = speech + [*TEXTS, *(f"text: {text}" for text in texts)]
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    path.write_text(text, encoding="utf-8")
