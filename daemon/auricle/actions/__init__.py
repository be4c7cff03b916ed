"""Runs the owner's programs with each result, as a process of its own and a client on D-Bus."""
