"""Lowers or pauses other sounds during a session, and restores them afterwards."""
