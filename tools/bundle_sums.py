"""Writes the SHA-256 of all files of a model bundle into its manifest, and keeps its comments.

    python tools/bundle_sums.py models/en-tiny

Run it after a change of any file, also of NOTICE and README.md: a bundle whose files differ from
its manifest is refused.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

MANIFEST = "manifest.yaml"
_ENTRY = re.compile(r"  (?P<file>[^:#]+): [0-9a-f]{64}")


def with_sums(manifest: str, folder: Path) -> str:
    """Return the text of a manifest that lists every file of a folder with its SHA-256.

    Raises:
        ValueError: the manifest has no block `files:`.
    """
    lines = manifest.splitlines()
    if "files:" not in lines:
        raise ValueError(f"{folder / MANIFEST}: has no block `files:`; add one")
    begin = end = lines.index("files:") + 1
    listed: list[str] = []
    while end < len(lines) and (entry := _ENTRY.fullmatch(lines[end])):
        listed.append(entry["file"])
        end += 1
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    present.discard(MANIFEST)
    files = [file for file in listed if file in present] + sorted(present - set(listed))
    entries = [
        f"  {file}: {hashlib.sha256((folder / file).read_bytes()).hexdigest()}" for file in files
    ]
    return "\n".join([*lines[:begin], *entries, *lines[end:]]) + "\n"


def main(folders: list[str]) -> int:
    """Update the manifests of folders; return 0."""
    for folder in map(Path, folders):
        path = folder / MANIFEST
        path.write_text(with_sums(path.read_text(encoding="utf-8"), folder), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
