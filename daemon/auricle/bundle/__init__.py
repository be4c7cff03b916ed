"""Model bundles: a folder with a manifest, and the files that it vouches for."""
