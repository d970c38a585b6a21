"""The tunnel's header is invalid.

A VXLAN header without a VNI, or with flags that this side does not know.

How it is proven: the kernel's drop reason VXLAN_INVALID_HDR.

What to check: extensions that only one side has switched on (GBP, GPE, remote checksum).
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
    operator_meaning="Tunnel header validation failed.",
    remedy=Remedy(
        text="Compare the tunnel devices of both sides.",
        command="ip netns exec {netns} ip -details link show type vxlan",
    ),
    drop_reasons=("VXLAN_INVALID_HDR",),
)
