"""The VFD would not send answers out by the port the packet came in by, so it drops it.

With rp_filter=1, Linux looks up the route back to the packet's source. If that leads to another
device, the packet counts as forged. Asymmetric routes, several uplinks and a vNIC with a second
address all look like forgery.

How it is proven: the kernel's drop reason IP_RPFILTER. The agent reads rp_filter of the device;
the larger of its value and that of `all` counts.

What to check: the route back to the source. Where paths are asymmetric on purpose, loose mode
(2) checks only that some route exists. IPv6 has no such setting: there, a netfilter rule with
`fib` does the same and shows as a netfilter drop.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="RP_FILTER",
    title="Source refused by the reverse path filter",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "The network takes the sender's address for forged, because answers to it would "
        "go another way."
    ),
    operator_meaning=(
        "rp_filter rejected the source: the reverse route does not lead back to the ingress device."
    ),
    remedy=Remedy(
        text="Repair the route back to {src}, or allow asymmetric paths on {port} with loose mode.",
        command="ip netns exec {netns} sysctl -w net.ipv4.conf.{port}.rp_filter=2",
    ),
    drop_reasons=("IP_RPFILTER",),
)

FALLBACK = "ip netns exec {netns} ip route get {src}"
