"""Contextual biasing: raises the scores of a context's names in both passes of the recogniser."""
