"""Takes tasks, leads agents and the analyzer through the handshake, keeps the answers."""
