"""The packet waited in a queue that was emptied.

A device was taken down, a queue replaced, or a socket closed while packets waited in it.

How it is proven: the kernel's drop reason QUEUE_PURGE.

What to check: what was reconfigured at that time.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="QUEUE_PURGED",
    title="Queue was emptied",
    severity=Severity.MINOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The network was being reconfigured while the packet waited.",
    operator_meaning="A queue was purged with the packet in it.",
    remedy=Remedy(
        text="Nothing, if the reconfiguration was meant; see the device's history otherwise.",
        command="ip netns exec {netns} ip -s link show",
    ),
    drop_reasons=("QUEUE_PURGE",),
)
