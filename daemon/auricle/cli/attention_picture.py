"""Draws the context attention over time: the picture of `auricle transcribe --attention`.

In: the attention weights of the names, and the recognized words. Out: an image file; the suffix of
its name sets the format.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from auricle.biasing.shortlist import Attended
from auricle.errors import AuricleError, StorageError
from auricle.lattice.result import Word


def draw(seen: Attended, words: tuple[Word, ...], path: Path) -> None:
    """Write the picture.

    Raises:
        AuricleError: Matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    try:
        drawing = import_module("matplotlib.figure")  # the optional extra `picture`
    except ImportError as error:
        raise AuricleError(
            "--attention: drawing needs Matplotlib: pip install 'auricle[picture]', or "
            "apt install python3-matplotlib"
        ) from error
    seconds = seen.shares.shape[1] * seen.frame_seconds
    figure = drawing.Figure(figsize=(max(6.0, 1.6 * seconds), 1.6 + 0.3 * len(seen.names)))
    panel = figure.subplots()
    image = panel.imshow(
        seen.shares, aspect="auto", cmap="magma", vmin=0.0, vmax=1.0, interpolation="nearest",
        extent=(0.0, seconds, len(seen.names) - 0.5, -0.5),
    )  # fmt: skip
    panel.set_yticks(range(len(seen.names)), seen.names)
    panel.set_xlabel("seconds")
    for word in words:
        panel.axvline(word.start, color="white", linewidth=0.5, alpha=0.4)
        panel.text(
            word.start, -0.7, word.word, rotation=30, ha="left", va="bottom", fontsize="small"
        )
    figure.colorbar(image, ax=panel, label="attention weight (the rest is on no name)")
    try:
        figure.savefig(path, dpi=120, bbox_inches="tight")
    except (OSError, ValueError) as error:
        raise StorageError(f"--attention: {path}: not written: {error}") from error
