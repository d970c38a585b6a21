"""The port has a rate limit, and the packet was above it.

Policers do not queue: bursts above the bucket are lost at once. The present drivers do not
observe this: it is here for the driver of this data plane.

How it is proven: the port's counters ovs_tx_qos_drops and ovs_rx_qos_drops, which the driver
reports as drop reasons of these names.

What to check: rate and burst of the port's policer.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DPDK_RATE_LIMITED",
    title="Above the user-space port's rate",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.TENANT,
    tenant_meaning="You send more than the rate that was agreed for you.",
    operator_meaning="Egress QoS or ingress policer of a DPDK port dropped it.",
    remedy=Remedy(
        text="Raise rate or burst of {port}, or have less sent.",
        command="ovs-appctl qos/show {port}",
    ),
    drop_reasons=(
        "OVS_TX_QOS_DROPS",
        "OVS_RX_QOS_DROPS",
    ),
)

FALLBACK = "ovs-vsctl list qos"
