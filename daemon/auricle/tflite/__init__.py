"""Loads, checks and runs TensorFlow Lite models."""
