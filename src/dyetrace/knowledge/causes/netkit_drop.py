"""The container's netkit device has a program or a default policy that drops.

netkit pairs ask an eBPF program on every packet. Without a program the device's policy counts,
and that may be blackhole.

How it is proven: no reason, freed in netkit_xmit.

What to check: the programs of both devices of the pair, and their policy.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NETKIT_DROP",
    title="Dropped at a netkit device",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A packet filter of the container network does not let this traffic pass.",
    operator_meaning=(
        "netkit_xmit: the device's eBPF program dropped it, or the policy without one is blackhole."
    ),
    remedy=Remedy(
        text="List the programs of {port} and its peer.",
        command="ip netns exec {netns} bpftool net show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a netkit device freed it."""
    return was_freed_in(loss, "netkit_xmit")
