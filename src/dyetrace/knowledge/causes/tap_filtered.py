"""A filter on the tap device, which the VM's side set, does not want the packet.

The VM's card tells the tap which MAC addresses it listens to, and a program may be attached
that chooses packets. This one was not chosen.

How it is proven: the kernel's drop reasons TAP_FILTER and TAP_TXFILTER.

What to check: whether the VM uses another MAC address than the one its card has; promiscuous
mode and bridges inside of VMs need the filter off.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TAP_FILTERED",
    title="Dropped by the tap's filter",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.TENANT,
    tenant_meaning=("The VM's network card does not listen to the address the packet was sent to."),
    operator_meaning="tun/tap eBPF filter or MAC filter dropped the packet.",
    remedy=Remedy(
        text="Compare the packet's MAC address with those the VM's card listens to.",
        command="ip netns exec {netns} tcpdump -c 5 -e -n -i {port} host {dst}",
    ),
    drop_reasons=("TAP_FILTER", "TAP_TXFILTER"),
)

FALLBACK = "ip netns exec {netns} ip -details link show"
