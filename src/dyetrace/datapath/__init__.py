"""Data paths: a driver for each kind, and the packet parser and digest they share."""
