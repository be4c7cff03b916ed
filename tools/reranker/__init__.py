"""The reranker: reads the lattices that devices send with a neural language model."""
