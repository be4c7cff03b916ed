"""What strong recognisers teach: pseudo-labels, which labels to trust, and encoder frames."""
