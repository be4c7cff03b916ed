"""Learn how the recogniser respells unknown names, and add the rules to its bundle."""

from __future__ import annotations

import argparse
import hashlib
from itertools import zip_longest
from pathlib import Path

import yaml

from auricle.biasing.respelling import Spellings
from auricle.bundle.manifest import load_bundle
from auricle.recognizer.beam_search import SearchOptions
from auricle.recognizer.loading import SPELLINGS, load_recognizer
from auricle_train.respelling.rules import learn, table
from auricle_train.respelling.transcription import hear, read
from auricle_train.synthesis import espeak, flite
from auricle_train.synthesis.program import Program

ENGINES = {"flite": flite.load, "espeak": espeak.load}  # fast, with many accents
SOURCE = "names: "
MEASURED = ("slt",)  # test voices, not used here; see `benchmarks.biasing`


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this step."""
    parser.add_argument("--bundle", type=Path, required=True, help="bundle folder")
    parser.add_argument(
        "--names", type=Path, help="one name per line, in lower case; default: only use --heard"
    )
    parser.add_argument("--engine", choices=ENGINES, nargs="+", default=list(ENGINES))
    parser.add_argument("--source", nargs="*", default=[], help="names' source and licence")
    parser.add_argument(
        "--heard", type=Path, required=True, help="heard.jsonl; resumes if it exists"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the rules to the bundle folder, and print how many there are."""
    bundle = load_bundle(arguments.bundle, "recognizer")
    if arguments.names is None:
        found = read(arguments.heard)
    else:
        names = arguments.names.read_text("utf-8").split("\n")
        recognizer = load_recognizer(bundle, SearchOptions(beam=4), threads=1)
        voices = _in_turn([ENGINES[name](None) for name in arguments.engine])
        found = hear([name for name in names if name], voices, recognizer, arguments.heard)
    pairs = [(one.name, middle) for one in found for middle in one.middles()]
    rules = learn(pairs)
    path = arguments.bundle / SPELLINGS
    path.write_text(table(rules), encoding="utf-8")
    Spellings.load(path)
    manifest_path = arguments.bundle / "manifest.yaml"
    manifest = yaml.safe_load(manifest_path.read_text(encoding="utf-8"))
    manifest["files"][SPELLINGS] = hashlib.sha256(path.read_bytes()).hexdigest()
    if arguments.source:
        data = manifest.setdefault("training", {}).setdefault("data", [])
        rest = [source for source in data if not source.startswith(SOURCE)]
        manifest["training"]["data"] = [*rest, *(SOURCE + one for one in arguments.source)]
    text = yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=96)
    manifest_path.write_text(text, encoding="utf-8")
    print(f"{path}: {len(rules)} rules from {len(pairs)} readings of {len(found)} names")


def _in_turn(engines: list[Program]) -> list[tuple[Program, str]]:
    """Return voices that alternate between the engines."""
    rows = [[(one, voice) for voice in one.voices if voice not in MEASURED] for one in engines]
    longest = max(map(len, rows))
    repeated = [(row * longest)[:longest] for row in rows]
    return [voice for group in zip_longest(*repeated) for voice in group if voice]
