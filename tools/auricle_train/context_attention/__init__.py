"""Attention from sound to names: what is trained so that a name is heard among ten thousand."""
