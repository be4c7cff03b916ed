"""Auricle: a voice assistant daemon whose audio never leaves the device."""

__version__ = "0.2.0"
