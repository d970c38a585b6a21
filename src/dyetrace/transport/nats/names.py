"""Subjects and streams.

The host is in the subject because servers grant subjects: what comes by a host's
subject was sent by who holds that host's certificate.
"""

import re

from dyetrace.errors import InvalidRequest

REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

TALLIES = "tallies"
"""The stream of what analyzers know of tasks; one, in the home region."""


def checked_region(region: str) -> str:
    """Give a region's name back if subjects can carry it; raises InvalidRequest."""
    if not REGION.fullmatch(region):
        raise InvalidRequest(
            f"{region!r} cannot be a region's name: use up to 32 lower-case letters, digits and -"
        )
    return region


def records_stream(region: str, partition: int) -> str:
    """Name the stream of a partition's records."""
    return f"records-{region}-{partition}"


def records_subject(region: str, partition: int | str, host: int | str) -> str:
    """Name where a host's records of a partition go; either may be `*`."""
    return f"records.{region}.{partition}.{host}"


def evidence_stream(region: str) -> str:
    """Name the stream of a region's evidence documents."""
    return f"evidence-{region}"


def evidence_subject(region: str, host: int | str, document: int | str = "*") -> str:
    """Name where a host's evidence document goes; the last two may be `*`."""
    return f"evidence.{region}.{host}.{document}"


def quarantine_stream(region: str) -> str:
    """Name the stream of what could not be read."""
    return f"quarantine-{region}"


def quarantine_subject(region: str) -> str:
    """Name where what could not be read is kept."""
    return f"quarantine.{region}"


def tally_subject(task: int, partition: int) -> str:
    """Name where a partition's piece of a task is."""
    return f"{TALLIES}.{task:016x}.{partition}"


def inbox(user: str) -> str:
    """Name what answers to a user come under: nobody else may listen there."""
    return "_INBOX." + "".join(
        each if each.isascii() and each.isalnum() else f"-{ord(each):x}-" for each in user
    )


def host_of(subject: str) -> int:
    """Read the host from a subject; raises ValueError."""
    return int(subject.rpartition(".")[2])
