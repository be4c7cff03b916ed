"""Replaces the second pass of a bundle, without changing its first pass.

In: a bundle folder and a checkpoint whose second pass has the same pieces. Out: the same folder
with new graphs of the second pass and an updated manifest.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from auricle.bundle.manifest import load_bundle
from auricle.errors import ModelError
from auricle.tflite.runtime import PACKED
from auricle_train.export.bundle import check_pieces, pack
from auricle_train.export.decoder import export_second_pass
from auricle_train.models.dimensions import Shape
from auricle_train.training import checkpoint as checkpoints

GRAPHS = ("memory.tflite.gz", "decoder.tflite.gz")


def replace_second_pass(folder: Path, checkpoint: Path) -> None:
    """Export the second pass of a checkpoint into a bundle.

    Args:
        folder: bundle folder.
        checkpoint: checkpoint of `train` or `average`.

    Raises:
        ModelError: the bundle is damaged or has no second pass, or the checkpoint has other pieces.
    """
    bundle = load_bundle(folder, "recognizer")
    if bundle.settings.get("second_pass") is not True:
        raise ModelError(f"{folder}: has no second pass: make a bundle with one by `bundle`")
    saved = checkpoints.read(checkpoint)
    shape = Shape(**saved["shape"])
    weights = {name: value.float().numpy() for name, value in saved["model"].items()}
    check_pieces(checkpoint, bundle.path("pieces.txt"), shape, weights)
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    with TemporaryDirectory() as made:
        export_second_pass(shape, weights, Path(made))
        for name in GRAPHS:
            packed = pack((Path(made) / name.removesuffix(PACKED)).read_bytes())
            (folder / name).write_bytes(packed)
            manifest["files"][name] = hashlib.sha256(packed).hexdigest()
    manifest["training"]["second_pass"] = saved.get("second_pass", {})
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    path.write_text(text, encoding="utf-8")
