"""Reads unchecked files, JSON and YAML; everything else parses through this package."""
