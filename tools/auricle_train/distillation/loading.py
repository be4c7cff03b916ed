"""Loads teachers by what their folders hold.

In: folders. Out: a teacher of each: a bundle of Auricle, or Whisper in CTranslate2's format.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auricle_train.distillation.bundle_teacher import BundleTeacher, is_bundle
from auricle_train.distillation.teacher import Teacher
from auricle_train.distillation.whisper_teacher import WhisperOptions, WhisperTeacher


def load_teachers(folders: Sequence[Path], options: WhisperOptions) -> list[Teacher]:
    """Load a teacher of each folder.

    Raises:
        ModelError: a folder holds neither kind of model, or a damaged one.
    """
    return [
        BundleTeacher(folder, options.threads)
        if is_bundle(folder)
        else WhisperTeacher(folder, options)
        for folder in folders
    ]
