"""Tells the user that the wake word was heard, as a process of its own and a client on D-Bus."""
