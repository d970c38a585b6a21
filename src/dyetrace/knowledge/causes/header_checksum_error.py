"""The checksum over the packet's IP header is wrong: the header was changed on the way.

Unlike those of TCP and UDP, this checksum is filled in before a packet leaves the stack. So
either bits were flipped, or a program rewrote the header carelessly.

How it is proven: the kernel's drop reason IP_CSUM.

What to check: error counters of the cards on the way, and eBPF programs or devices that rewrite
headers.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="HEADER_CHECKSUM_ERROR",
    title="Damaged IP header",
    severity=Severity.MAJOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="Packets arrive damaged.",
    operator_meaning="The IPv4 header checksum is wrong, which no offload leaves open.",
    remedy=Remedy(
        text="Look for what rewrites IP headers on the way, then at the cards' error counters.",
        command="ip netns exec {netns} ip -s -s link show",
    ),
    drop_reasons=("IP_CSUM",),
)
