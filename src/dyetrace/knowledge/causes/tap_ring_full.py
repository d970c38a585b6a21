"""The VM, or whoever reads the tap device, does not take packets as fast as they come.

Between the host's network stack and the VM sits a ring of as many packets as the device's
txqueuelen. It fills when the VM does not get CPU time, when its vhost thread does not, or when
traffic comes in bursts.

How it is proven: the kernel's drop reason FULL_RING (tun_net_xmit for tap devices). Show it
with the depth of the queue: some kernels say "full" of rings that hold one packet, because
producer and consumer race.

What to check: steal time and CPU limits of the VM, whether vhost runs, the ring's size
(txqueuelen), and multiqueue.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TAP_RING_FULL",
    title="Ring towards the VM full",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The VM does not take its packets fast enough, so part of them is lost.",
    operator_meaning="The ptr_ring between stack and tap (or veth, virtio) reader is full.",
    remedy=Remedy(
        text="Give the VM more CPU time or queues; a larger ring on {port} rides out bursts.",
        command="ip netns exec {netns} ip link set dev {port} txqueuelen 10000",
    ),
    drop_reasons=("FULL_RING",),
)

FALLBACK = "ip netns exec {netns} ip -s link show"
