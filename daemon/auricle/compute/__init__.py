"""Adapts the compute budget to the load of the machine."""
