"""The packet is larger than its output port's MTU, and the switch cannot cut it.

Only IP packets can be cut, and only with link-layer headers of limited length (stacked VLAN or
MPLS headers count).

How it is proven: the drop reasons OVS_DROP_FRAG_L2_TOO_LONG and OVS_DROP_FRAG_INVALID_PROTO.

What to check: the MTU of the output port against that of the senders.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_FRAGMENT_REFUSED",
    title="Virtual switch cannot cut the packet",
    severity=Severity.MAJOR,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="Large packets are lost in the virtual switch.",
    operator_meaning="Fragmentation in OVS failed: link-layer header too long, or not IP.",
    remedy=Remedy(
        text="Give both sides the same MTU.",
        command="ovs-vsctl list interface",
    ),
    drop_reasons=(
        "OVS_DROP_FRAG_L2_TOO_LONG",
        "OVS_DROP_FRAG_INVALID_PROTO",
    ),
)
