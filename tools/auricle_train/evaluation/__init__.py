"""Measures word errors, latency and speed of bundles, and of peers, on real recordings."""
