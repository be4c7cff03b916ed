"""The word lattice: its algebra, confidences and file formats, and the result made of it."""
