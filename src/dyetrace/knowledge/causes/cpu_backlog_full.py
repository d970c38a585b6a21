"""The CPU that should process the packet has too many waiting.

Each CPU has a backlog of packets that were received but not yet processed. It fills when one
CPU gets all the traffic, or when softirqs do not get to run.

How it is proven: the kernel's drop reason CPU_BACKLOG.

What to check: the second column of /proc/net/softnet_stat for each CPU, the spread of
interrupts, and RPS settings.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="CPU_BACKLOG_FULL",
    title="Host does not keep up",
    severity=Severity.MAJOR,
    layer=Layer.HOST,
    owner=Owner.PROVIDER,
    tenant_meaning="The host is too busy to take all packets.",
    operator_meaning="netdev_max_backlog or the RPS flow limit was reached.",
    remedy=Remedy(
        text="Spread the load over more CPUs of host {host}, or raise the backlog.",
        command="sysctl -w net.core.netdev_max_backlog=10000",
    ),
    drop_reasons=("CPU_BACKLOG",),
)
