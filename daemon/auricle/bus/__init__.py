"""The D-Bus server: one file per interface, with no logic but access control."""
