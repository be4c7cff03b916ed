"""Decides what may leave the device: privacy mode, redaction, audit log and relay socket."""
