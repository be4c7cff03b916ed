"""Packs a training job into one folder that another machine can run."""
