"""A checksum of the packet does not fit its bytes.

The packet was damaged, or a device promised to fill the checksum in and did not. The second is
far more common in virtual networks: checksum offload that breaks behind an encapsulation or a
user-space switch.

How it is proven: the kernel's drop reasons TCP_CSUM, UDP_CSUM, ICMP_CSUM and SKB_CSUM.

What to check: the checksum offloads of the devices on the path; switch them off one by one to
find the one at fault. Wrong checksums in a capture at the sender are normal with offload.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="CHECKSUM_ERROR",
    title="Wrong checksum",
    severity=Severity.MAJOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="Packets arrive damaged, or with checksums that nobody filled in.",
    operator_meaning="TCP, UDP or ICMP checksum verification failed.",
    remedy=Remedy(
        text="Switch transmit checksum offload off at {port} to see whether that is it.",
        command="ip netns exec {netns} ethtool --offload {port} tx off",
    ),
    drop_reasons=("TCP_CSUM", "UDP_CSUM", "ICMP_CSUM", "SKB_CSUM"),
)

FALLBACK = "ip netns exec {netns} nstat -az UdpInCsumErrors TcpInCsumErrors"
