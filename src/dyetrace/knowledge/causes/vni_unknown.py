"""The packet came to the right VTEP, but nobody there knows its VNI.

The receiving host has no VXLAN device for the packet's VNI: the network is not set up there, or
the two sides disagree about its number. Often seen after a VM has moved to a host that was not
prepared.

How it is proven: the kernel's drop reason VXLAN_VNI_NOT_FOUND in vxlan_rcv, with the VNI in the
packet's outer header.

What to check: which VNIs the host has, and which one the controller meant for this network.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VNI_UNKNOWN",
    title="Unknown VNI",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiving host does not know your network.",
    operator_meaning="No VXLAN device with this VNI on the receiving VTEP.",
    remedy=Remedy(
        text="Set up VNI {vni} on host {host}, or correct it at the sender.",
        command="ip netns exec {netns} ip -details link show type vxlan",
    ),
    drop_reasons=("VXLAN_VNI_NOT_FOUND",),
)
