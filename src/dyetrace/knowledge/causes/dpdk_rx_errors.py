"""The card received frames that were damaged.

A bad cable, transceiver or switch port. The present drivers do not observe this: it is here for
the driver of this data plane.

How it is proven: the port's counters rx_errors and rx_crc_errors, which the driver reports as
drop reasons of these names.

What to check: the cable, the transceiver's levels and the switch's counters.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DPDK_RX_ERRORS",
    title="Card received damaged frames",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="A cable or card of the provider damages packets.",
    operator_meaning="ierrors: CRC, length or alignment errors at the port.",
    remedy=Remedy(
        text="Change the cable or transceiver of {port}.",
        command="ovs-vsctl --columns=name,statistics list interface",
    ),
    drop_reasons=(
        "RX_ERRORS",
        "RX_CRC_ERRORS",
    ),
)
