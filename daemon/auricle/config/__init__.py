"""The configuration: what may be set, where it is found, and one clear error for each mistake."""

from auricle.config.loading import examine, load, reload
from auricle.config.mistakes import Mistake
from auricle.config.schema import Config

__all__ = ["Config", "Mistake", "examine", "load", "reload"]
