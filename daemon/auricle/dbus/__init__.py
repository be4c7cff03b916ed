"""D-Bus without Auricle: connection, accepting and decoding messages, objects, errors."""
