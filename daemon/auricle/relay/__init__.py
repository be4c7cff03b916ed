"""The relay: a separate process, and the only one that uses the network."""
