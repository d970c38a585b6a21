"""Conditions that somebody can act on; each message says what to do."""


class DyetraceError(Exception):
    """Base of all errors meant for users."""
