"""Writes the bundle of the reranker's language model.

In: the folder of a training run. Out: a folder with `manifest.yaml`, the network in 8 bits and the
pieces, as loaded by `reranker.language_model`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml

from auricle.bundle.manifest import FORMAT
from auricle.errors import ModelError
from auricle_train.training import checkpoint
from reranker.language_model import KIND, NETWORK, PIECES
from reranker.network import quantized

MOST_MEGABYTES = 12  # maximum size of a bundle
DATA = [
    "SNIPS 2017-06 custom intents (CC0 1.0; arXiv:1805.10190)",
    "CLINC150, training sentences (CC BY 3.0; Larson et al., EMNLP 2019)",
    "SLURP, text for language models (CC BY 4.0; Bastianelli et al., EMNLP 2020)",
    "NLU Evaluation Data, names hidden (CC BY 4.0; Liu et al., IWSDS 2019)",
    "sentences made from templates",
    "transcripts of train splits: CMU ARCTIC prompts (CC0 1.0), parts of LibriSpeech (CC BY 4.0), "
    "LJSpeech (public domain), speechocean762 (free for commercial and non-commercial use), "
    "Speech Commands and custom speech commands (CC BY 4.0)",
]


def write_bundle(
    run: Path,
    out: Path,
    name: str,
    version: str,
    losses: Mapping[str, float],
    results: Path | None,
    weights: Path | None,
    sources: list[str] | None = None,
) -> None:
    """Write the bundle of a training run.

    Args:
        run: folder with checkpoint and pieces.
        out: folder of the bundle; created if missing.
        name: name of the bundle.
        version: version of the bundle.
        losses: nats per word on held-out sentences, by source.
        results: YAML file of evaluation results.
        weights: YAML file of tuned `reranker.ranking.Weights`.
        sources: additional training texts, with licences.

    Raises:
        ModelError: the bundle exceeds MOST_MEGABYTES.
    """
    saved = checkpoint.read(run / "last.pt")
    stored = {key: value.float().numpy() for key, value in saved["model"].items()}
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / NETWORK, **quantized(stored))  # type: ignore[arg-type]
    shutil.copyfile(run / PIECES, out / PIECES)
    files = {file: (out / file).read_bytes() for file in (NETWORK, PIECES)}
    megabytes = sum(map(len, files.values())) / 1e6
    if megabytes > MOST_MEGABYTES:
        raise ModelError(
            f"{out}: takes {megabytes:.1f} MB, the limit is {MOST_MEGABYTES} MB; train a smaller "
            "network"
        )
    manifest = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "kind": KIND,
        "language": "en",
        "settings": {
            "shape": saved["shape"],
            "weights": yaml.safe_load(weights.read_text("utf-8")) if weights else None,
        },
        "files": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
        "training": {
            "steps": saved["step"],
            "tokens_read": saved["read"],
            "minutes": round(saved["elapsed"] / 60, 1),
            "plan": saved["plan"],
            "held_out_nats_a_word": dict(losses),
            "data": [*DATA, *(sources or [])],
        },
        "results": yaml.safe_load(results.read_text("utf-8")) if results else None,
        "licences": [{"part": "this model", "licence": "Apache-2.0"}],
    }
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    (out / "manifest.yaml").write_text(text, encoding="utf-8")
