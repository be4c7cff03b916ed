"""Runs the pipeline on recordings instead of a microphone."""
