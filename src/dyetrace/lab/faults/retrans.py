"""How long a router waits between two questions for a neighbour."""

from dyetrace.lab import commands


def set_retrans(netns: str, device: str, retrans_ms: int) -> None:
    """Set it for both families; three questions are asked before packets are given up."""
    commands.set_sysctls(
        netns,
        [
            (f"net/{family}/neigh/{device}/retrans_time_ms", str(retrans_ms))
            for family in ("ipv4", "ipv6")
        ],
    )
