"""What may leave the device: the mode, the names that are hidden, and the record of what left."""
