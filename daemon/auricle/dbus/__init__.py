"""D-Bus without Auricle: connection, objects, interfaces, errors and large messages."""
