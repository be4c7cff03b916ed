"""Adds a context attention to a bundle with the same frozen encoder.

In: a bundle folder and a checkpoint of `train-context-attention`. Out: the same folder with both
graphs and an updated manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from auricle.bundle.manifest import load_bundle
from auricle.recognizer.loading import NAMES
from auricle.tflite.runtime import PACKED
from auricle_train.context_attention.export import export
from auricle_train.context_attention.training import load
from auricle_train.export.bundle import pack
from auricle_train.models.transducer import STRIDE


def attach(folder: Path, checkpoint: Path, sources: Sequence[str] = ()) -> None:
    """Export a checkpoint into a bundle, and replace existing graphs.

    Args:
        folder: bundle folder.
        checkpoint: checkpoint of `train-context-attention`.
        sources: training data in addition to the bundle's, with licences.

    Raises:
        ModelError: the bundle is damaged, or the file is not such a checkpoint.
    """
    bundle = load_bundle(folder, "recognizer")
    model = load(checkpoint)
    chunk = int(bundle.settings["chunk_features"]) // (STRIDE * model.shape.stack)
    weights = {name: value.float().numpy() for name, value in model.state_dict().items()}
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    with TemporaryDirectory() as made:
        export(model.shape, chunk, weights, Path(made))
        for name in NAMES:
            packed = pack((Path(made) / name.removesuffix(PACKED)).read_bytes())
            (folder / name).write_bytes(packed)
            manifest["files"][name] = hashlib.sha256(packed).hexdigest()
    training = manifest.setdefault("training", {})
    others = [one for one in training.get("data", []) if not one.startswith("names: ")]
    training["data"] = others + [f"names: {one}" for one in sources]
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    path.write_text(text, encoding="utf-8")
