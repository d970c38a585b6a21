"""A tc filter or eBPF program at a device's ingress or egress drops the packet.

The traffic control hook of a device holds a filter, a policer or an eBPF program whose action
for this packet is drop. Container networks put their policies there.

How it is proven: the kernel's drop reasons TC_INGRESS and TC_EGRESS, with the device that the
packet was on.

What to check: the filters of that device, and the policy of whoever attached them (network
plugin, rate limit).
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TC_DROP",
    title="Dropped by a tc filter",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A packet filter of the network does not let this traffic pass.",
    operator_meaning=("A classifier, policer or eBPF program on the tc hook returned drop (shot)."),
    remedy=Remedy(
        text="List the filters and eBPF programs of {port} and find out whose they are.",
        command="ip netns exec {netns} tc -s filter show dev {port} ingress",
    ),
    drop_reasons=("TC_INGRESS", "TC_EGRESS", "QDISC_INGRESS", "QDISC_EGRESS"),
)

FALLBACK = "ip netns exec {netns} bpftool net show"
