"""An eBPF program attached to the sender's control group drops the packet.

Service managers and container engines attach egress programs to control groups, for example for
IPAddressDeny= of systemd units.

How it is proven: the kernel's drop reason BPF_CGROUP_EGRESS. (Programs on the receiving side
end in SOCKET_FILTER.)

What to check: the programs attached to the sender's control group, and the unit's address
lists.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="BPF_CGROUP_DROP",
    title="Dropped by a control group's eBPF program",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The sender's own service configuration forbids this traffic.",
    operator_meaning="A cgroup skb egress program rejected the packet.",
    remedy=Remedy(
        text="List the programs attached to control groups on this host.",
        command="bpftool cgroup tree",
    ),
    drop_reasons=("BPF_CGROUP_EGRESS",),
)
