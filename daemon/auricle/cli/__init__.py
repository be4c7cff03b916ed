"""The command line: one module per command, without application logic."""
