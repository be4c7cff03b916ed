"""Converts checkpoints to int8 TensorFlow Lite graphs and writes bundles."""
