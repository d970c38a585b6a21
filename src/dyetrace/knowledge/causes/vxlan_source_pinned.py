"""The frame came from one VTEP, and a static entry says that its sender is behind another.

After a VM has moved, the old host's entry must be replaced. Two VMs with one MAC address look
the same.

How it is proven: the kernel's drop reason VXLAN_ENTRY_EXISTS.

What to check: the entry for the sender's MAC address, and the host that the VM is on now.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VXLAN_SOURCE_PINNED",
    title="Sender's MAC address is pinned to another host",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The network still believes that the sender is on another host.",
    operator_meaning="A static VXLAN forwarding entry ties the source MAC to another VTEP.",
    remedy=Remedy(
        text="Replace the static entry of the sender's MAC address.",
        command="ip netns exec {netns} bridge fdb show",
    ),
    drop_reasons=("VXLAN_ENTRY_EXISTS",),
)
