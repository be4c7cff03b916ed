"""The reranker: rescores lattices from devices with a neural language model."""
