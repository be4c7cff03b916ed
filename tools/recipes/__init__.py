"""Recipes: from data to a shipped model, one YAML file per model.

`python -m recipes run FILE` runs the steps of a recipe in order and skips finished ones.
"""
