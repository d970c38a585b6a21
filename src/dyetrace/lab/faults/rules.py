"""nft rules at a vSwitch that a fault puts in and takes out again as one table."""

from collections.abc import Iterable

from dyetrace.lab import commands
from dyetrace.lab.errors import CommandFailed

PROTOCOLS = ("udp", "tcp", "icmp")


def table_name(fault: str, *details: object) -> str:
    """Name a fault's table so that two faults of one kind do not meet."""
    return "_".join([fault, *(str(each) for each in details if each)]).replace("-", "_")


def install(netns: str, family: str, table: str, *, hook: str, rules: Iterable[str]) -> None:
    """Add a table with one base chain."""
    lines = "\n".join(rules)
    commands.nft(
        netns,
        f"table {family} {table} {{\nchain {hook}_filter {{\n"
        f"type filter hook {hook} priority 0; policy accept;\n{lines}\n}}\n}}\n",
    )


def load(netns: str, ruleset: str) -> None:
    """Apply a ruleset."""
    commands.nft(netns, ruleset)


def remove(netns: str, family: str, table: str) -> None:
    """Delete a table, if it is there."""
    try:
        commands.nft(netns, f"delete table {family} {table}\n")
    except CommandFailed as error:
        if "No such file" not in error.output:
            raise


def matches(protocol: str, port: int | None) -> list[str]:
    """Give the nft expressions for a protocol's packets, or `any`; never for ARP or ND."""
    if protocol == "any":
        return [each for known in PROTOCOLS for each in matches(known, None)]
    if protocol == "icmp":
        return ["icmp type echo-request", "icmpv6 type echo-request"]
    return [f"{protocol} dport {port}" if port else f"meta l4proto {protocol}"]
