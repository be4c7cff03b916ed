"""Auricle: a voice assistant daemon whose audio never leaves the device."""

__version__ = "0.1.0"
