"""The Python client of the daemon: it imports values and `dbus/`, and nothing of the daemon."""
