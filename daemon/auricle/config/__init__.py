"""The configuration: its keys, its files, and one error message for each mistake."""

from auricle.config.loading import examine, load, reload
from auricle.config.mistakes import Mistake
from auricle.config.schema import Config

__all__ = ["Config", "Mistake", "examine", "load", "reload"]
