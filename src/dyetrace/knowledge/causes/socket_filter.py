"""The receiving program, or its control group, filters this packet away.

A socket may carry a filter of its own, and control groups may have programs for what their
sockets receive.

How it is proven: the kernel's drop reason SOCKET_FILTER.

What to check: filters the program sets, and address lists of the service's unit
(IPAddressDeny=).
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SOCKET_FILTER",
    title="Refused by the receiver's socket filter",
    severity=Severity.CRITICAL,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiving program itself refuses this traffic.",
    operator_meaning="sk_filter or a cgroup ingress program rejected the packet.",
    remedy=Remedy(
        text="See which filter the program at {dst} has set.",
        command="ip netns exec {netns} ss -lntup --bpf",
    ),
    drop_reasons=("SOCKET_FILTER",),
)
