"""What the daemon and the relay process share: message schema, sockets and rate limits."""
