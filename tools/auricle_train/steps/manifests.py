"""Write a lhotse manifest for a speech corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.progress import track

from auricle_train.data.layouts import LAYOUTS
from auricle_train.data.layouts.utterance import LayoutError
from auricle_train.data.lhotse_manifests import write_manifest


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--layout", choices=LAYOUTS, required=True)
    parser.add_argument("--source", type=Path, required=True, help="corpus folder")
    parser.add_argument(
        "--any-licence",
        action="store_true",
        help="keep recordings whose licence forbids shipping the trained model",
    )
    parser.add_argument(
        "--unlabelled",
        action="store_true",
        help="keep recordings without a text, for the step `label`",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for LAYOUT.jsonl.gz")


def run(arguments: argparse.Namespace) -> None:
    """Write the manifest; print what was kept, what was dropped, and why."""
    if not arguments.source.exists():
        raise LayoutError(f"source: {arguments.source} does not exist; name the corpus's folder")
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = LAYOUTS[arguments.layout](arguments.source, arguments.out / "audio")
    path = arguments.out / f"{arguments.layout}.jsonl.gz"
    report = write_manifest(
        track(found, "looking at recordings", total=None),
        path,
        any_licence=arguments.any_licence,
        unlabelled=arguments.unlabelled,
    )
    print(f"{path}: {report}")
