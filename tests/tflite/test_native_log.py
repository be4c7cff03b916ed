"""Standard error while a model is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auricle.tflite.native_log import without_informational_lines

MODEL = Path(__file__).parents[2] / "models" / "wake" / "alexa.tflite"


def test_loading_a_model_writes_nothing() -> None:
    script = (
        "from pathlib import Path; from auricle.tflite.runtime import load_interpreter; "
        f"load_interpreter(Path({str(MODEL)!r}), 1)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stderr == b""


def test_other_lines_are_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with without_informational_lines():
        os.write(2, b"INFO: a delegate\nERROR: a problem\nno end")
    assert capfd.readouterr().err == "ERROR: a problem\nno end"


def test_an_error_is_passed_on_too(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="damaged"), without_informational_lines():
        os.write(2, b"ERROR: why\n")
        raise ValueError("damaged")
    assert capfd.readouterr().err == "ERROR: why\n"


def test_it_works_without_standard_error() -> None:
    script = (
        "import os; os.close(2)\n"
        "from auricle.tflite.native_log import without_informational_lines\n"
        "with without_informational_lines(): print('ran')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"ran\n"
