"""The daemon: assembles the parts, runs them and reports its state to systemd."""
