"""MAC addresses as people write them, and as dyetrace does."""

import re

PAIRS = re.compile(r"[0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2}){4}")


def as_mac(text: str) -> str | None:
    """Write a MAC address in lower case with colons; None: it is none."""
    return text.lower().replace("-", ":") if PAIRS.fullmatch(text) else None
