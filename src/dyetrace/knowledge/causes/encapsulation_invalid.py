"""The tunnel's header is invalid, or nothing says which tunnel to take.

A VXLAN header with flags that this side does not know, ECN bits of outer and inner header that
contradict each other, or a packet sent to a tunnel device that expects to be told the other end
and was not.

How it is proven: the kernel's drop reasons VXLAN_INVALID_HDR, IP_TUNNEL_ECN and TUNNEL_TXINFO.

What to check: extensions that only one side has switched on (GBP, GPE, remote checksum), and
whether the device is in external mode by mistake.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="ENCAPSULATION_INVALID",
    title="Invalid encapsulation",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "The provider's tunnel between two hosts is set up differently on its two sides."
    ),
    operator_meaning="Tunnel header or metadata validation failed.",
    remedy=Remedy(
        text="Compare the tunnel devices of both sides.",
        command="ip netns exec {netns} ip -details link show type vxlan",
    ),
    drop_reasons=("VXLAN_INVALID_HDR", "IP_TUNNEL_ECN", "TUNNEL_TXINFO"),
)
