"""The host has no memory for the packet, or its protocol has used up its share.

A buffer could not be had when it was needed. The host as a whole may be short, or only the
share that net.ipv4.tcp_mem and udp_mem allow.

How it is proven: the kernel's drop reasons NOMEM, PROTO_MEM and PFMEMALLOC.

What to check: the host's free memory, and the sockets' total against its limit in
/proc/net/sockstat.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MEMORY_SHORT",
    title="Out of memory",
    severity=Severity.MAJOR,
    layer=Layer.HOST,
    owner=Owner.PROVIDER,
    tenant_meaning="The host is short of memory.",
    operator_meaning="Allocation failed, or tcp_mem/udp_mem is exhausted.",
    remedy=Remedy(
        text="Free memory on host {host}, or raise the protocol's share.",
        command="ip netns exec {netns} cat /proc/net/sockstat",
    ),
    drop_reasons=("NOMEM", "PROTO_MEM", "PFMEMALLOC"),
)
