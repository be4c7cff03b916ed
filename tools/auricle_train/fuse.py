"""Puts a language model into a bundle, with the weights that it was tuned to.

In: the folder of a bundle, `ngram.bin`, weights. Out: the same folder, whose manifest names them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from auricle.bundle.manifest import load_bundle
from auricle.recognizer.fusion import Weights
from auricle.recognizer.language import LanguageModel
from auricle.recognizer.loading import LANGUAGE
from auricle.recognizer.tokenizer import Tokenizer

TEXTS = (
    "text: SNIPS 2017-06 custom intents (CC0 1.0; arXiv:1805.10190)",
    "text: CLINC150, training sentences (CC BY 3.0; Larson et al., EMNLP 2019)",
    "text: SLURP (CC BY 4.0; Bastianelli et al., EMNLP 2020)",
    "text: sentences made from templates, and transcripts of the recordings",
)


def fuse(folder: Path, language: Path, weights: Weights, texts: Sequence[str] = ()) -> None:
    """Copy the model into a bundle and name it in the manifest; one that is there is replaced.

    Args:
        folder: of the bundle.
        language: the file of the model.
        weights: what the search gives it.
        texts: what it was made of, with licences, beside `TEXTS`.

    Raises:
        ModelError: the bundle is damaged, or the model is, or it is of another vocabulary.
    """
    bundle = load_bundle(folder, "recognizer")
    LanguageModel.load(language, Tokenizer.load(bundle.path("tokens.txt")).pieces)
    shutil.copyfile(language, folder / LANGUAGE)
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    manifest["files"][LANGUAGE] = hashlib.sha256(language.read_bytes()).hexdigest()
    manifest["settings"]["language_weights"] = asdict(weights)
    training = manifest.setdefault("training", {})
    speech = [source for source in training.get("data", []) if not source.startswith("text: ")]
    training["data"] = speech + [*TEXTS, *(f"text: {text}" for text in texts)]
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    path.write_text(text, encoding="utf-8")
