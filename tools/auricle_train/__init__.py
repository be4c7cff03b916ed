"""Training of Auricle's recogniser, from recordings to a bundle that the daemon loads."""
