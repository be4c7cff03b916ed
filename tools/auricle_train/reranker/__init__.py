"""Trains the reranker's language model and writes its bundle."""
