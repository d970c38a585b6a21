"""Where data planes discard packets: a file per subsystem, a row per place and reason."""
