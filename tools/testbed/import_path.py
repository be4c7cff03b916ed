"""The import path of this process, for the Python programs that it starts."""

from __future__ import annotations

import os
import sys


def import_path() -> str:
    """Return the folders from which this process imports, as a value of PYTHONPATH."""
    return os.pathsep.join(folder for folder in sys.path if folder)
