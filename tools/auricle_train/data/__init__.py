"""Reads corpora, builds utterances and batches, and caches what the frozen encoder computes."""
