"""The card received packets, and the switch's thread did not fetch them in time.

A polling thread has too many ports, shares its CPU, or sits on another NUMA node than the card.
The present drivers do not observe this: it is here for the driver of this data plane.

How it is proven: the port's counters rx_missed_errors, which the driver reports as drop reasons
of these names.

What to check: the load of each polling thread and the spread of queues.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DPDK_RX_MISSED",
    title="Switch does not poll the card fast enough",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The host is too busy to take all packets.",
    operator_meaning="imissed: the card had no free descriptor because the PMD thread was late.",
    remedy=Remedy(
        text="Spread the receive queues over more polling threads.",
        command="ovs-appctl dpif-netdev/pmd-rxq-show",
    ),
    drop_reasons=("RX_MISSED_ERRORS",),
)
