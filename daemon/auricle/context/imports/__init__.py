"""Imports names from an address book, a music folder or Home Assistant."""
