"""Lowers or pauses music while a session listens, and restores it."""
