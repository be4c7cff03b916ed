"""The other process: it takes lattices from the daemon's socket, and alone talks to the network."""
