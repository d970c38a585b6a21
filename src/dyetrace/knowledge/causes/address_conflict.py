"""A packet arrives with an address that the VFD itself has.

The VFD receives a packet whose source is one of its own addresses. Two machines have the same
address, a copied VM kept its old one, or somebody forges.

How it is proven: the kernel's drop reason IP_LOCAL_SOURCE. (IPv6 makes no such check.)

What to check: who owns the address: the VFD's addresses, and the vNIC the packet came in by.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="ADDRESS_CONFLICT",
    title="Source is the VFD's own address",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="The sender uses an address that belongs to a router of the network.",
    operator_meaning="Ingress packet carries a local address as its source.",
    remedy=Remedy(
        text="Give the sender another address than {src}.",
        command="ip netns exec {netns} ip address show to {src}",
    ),
    drop_reasons=("IP_LOCAL_SOURCE",),
)
