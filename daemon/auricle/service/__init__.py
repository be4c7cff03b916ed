"""The daemon process: builds the parts, runs them and reports to the journal and systemd."""
