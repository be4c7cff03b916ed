"""Makes the language model of the reranker: text, network, training, bundle."""
