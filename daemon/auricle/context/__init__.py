"""The context: names that the user may say, their sources, and their storage."""
