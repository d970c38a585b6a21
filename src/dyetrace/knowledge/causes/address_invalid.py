"""The packet's source or destination address cannot be used on a network.

Multicast or zero as a source, or zero as a destination: such packets are dropped wherever they
are met.

How it is proven: the kernel's drop reasons IP_INVALID_SOURCE and IP_INVALID_DEST.

What to check: what the sender has bound its socket to, and whether address translation made the
address.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="ADDRESS_INVALID",
    title="Impossible source or destination address",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="The sender uses an address that no network carries.",
    operator_meaning="Martian source or destination: an address that no packet may have.",
    remedy=Remedy(
        text="Correct the sender's address {src}, or the translation that made it.",
        command="ip netns exec {netns} ip route get {dst} from {src} iif {in_port}",
    ),
    drop_reasons=("IP_INVALID_SOURCE", "IP_INVALID_DEST"),
)

FALLBACK = "ip netns exec {netns} ip route get {dst}"
