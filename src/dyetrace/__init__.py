"""dyetrace: find where a cloud's virtual network loses packets, and why."""

__version__ = "0.1.0"
