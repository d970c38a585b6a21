"""Everything there is to know about a cloud, for whoever must find out why a test failed."""

from dyetrace.lab import commands
from dyetrace.lab.errors import CommandFailed
from dyetrace.lab.namespaces import existing

LOOKS = (
    ("ip", "-statistics", "-details", "link"),
    ("ip", "-brief", "address"),
    ("ip", "route", "show", "table", "all"),
    ("ip", "-6", "route", "show", "table", "all"),
    ("ip", "neighbour"),
    ("bridge", "fdb"),
    ("tc", "-statistics", "qdisc"),
    ("nft", "list", "ruleset"),
)


def dump(cloud: str) -> str:
    """Look at every namespace of a cloud with every tool."""
    parts = []
    for netns in existing(cloud):
        for look in LOOKS:
            parts.append(f"--- {netns}: {' '.join(look)}")
            try:
                parts.append(commands.run(("ip", "netns", "exec", netns, *look)).rstrip())
            except CommandFailed as error:
                parts.append(str(error))
    return "\n".join(parts)
