"""Learns how the recogniser misspells names that it does not know."""
