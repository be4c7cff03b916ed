"""Loads teachers.

In: folders, each with an Auricle bundle or a Whisper model in CTranslate2 format. Out: teachers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auricle_train.distillation.bundle_teacher import BundleTeacher, is_bundle
from auricle_train.distillation.teacher import Teacher
from auricle_train.distillation.whisper_teacher import WhisperOptions, WhisperTeacher


def load_teachers(folders: Sequence[Path], options: WhisperOptions) -> list[Teacher]:
    """Load one teacher from each folder.

    Raises:
        ModelError: a folder has neither kind of model, or the model is damaged.
    """
    return [
        BundleTeacher(folder, options.threads)
        if is_bundle(folder)
        else WhisperTeacher(folder, options)
        for folder in folders
    ]
