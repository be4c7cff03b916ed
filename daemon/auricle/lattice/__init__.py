"""The word lattice: algorithms, confidences, file formats, and the result built from it."""
