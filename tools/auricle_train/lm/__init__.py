"""N-gram language models of tokens and words, and their way into a bundle."""
