"""The Python client of the daemon; it imports only values and `dbus/`."""
