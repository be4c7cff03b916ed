"""Learns how the recogniser respells names that it does not know."""
