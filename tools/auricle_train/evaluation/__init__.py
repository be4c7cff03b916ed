"""How well a bundle, and its peers, hear real people: word errors, latency and speed."""
