"""Measurements of speed, memory and errors; none of them is a test."""
