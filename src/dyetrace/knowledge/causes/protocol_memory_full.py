"""All sockets of a protocol together hold as much data as they may.

Many connections whose programs do not read add up. The limit counts pages, for the whole host.

How it is proven: the kernel's drop reason PROTO_MEM.

What to check: the sockets' total in /proc/net/sockstat against the third value of tcp_mem or
udp_mem.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="PROTOCOL_MEMORY_FULL",
    title="Protocol has used up its memory",
    severity=Severity.MAJOR,
    layer=Layer.HOST,
    owner=Owner.PROVIDER,
    tenant_meaning="The host keeps no more data for connections of this kind.",
    operator_meaning="tcp_mem or udp_mem is reached, though the host has memory left.",
    remedy=Remedy(
        text="Find the programs that do not read, or raise the limit on host {host}.",
        command="ip netns exec {netns} cat /proc/net/sockstat",
    ),
    drop_reasons=("PROTO_MEM",),
)
