"""The checks of `auricle doctor`: find problems of the system and say how to fix them."""
