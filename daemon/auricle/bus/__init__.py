"""The D-Bus face: one file an interface, and no logic beyond who may see what."""
