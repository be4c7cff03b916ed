"""Model bundles: folders with model files and a manifest with their hashes."""
