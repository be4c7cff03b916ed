"""Runs the real service for hours of audio, faster than real time, and measures what grows.

`python -m soak --hours 24`, or `make soak HOURS=24`.
"""
