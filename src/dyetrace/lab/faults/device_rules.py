"""nft rules of one device, which see packets before and after everything else."""

from dyetrace.lab.faults import rules


def install(netns: str, table: str, *, hook: str, device: str) -> None:
    """Add a table that drops a flow's packets at a device."""
    drops = "\n".join(
        f'{packets} counter drop comment "{table}"' for packets in rules.matches("any", None)
    )
    rules.load(
        netns,
        f"table netdev {table} {{\nchain at_device {{\n"
        f'type filter hook {hook} device "{device}" priority 0; policy accept;\n'
        f"{drops}\n}}\n}}\n",
    )
