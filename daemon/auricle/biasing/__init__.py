"""The names of a context, and how the two passes of the recogniser come to favour them."""
