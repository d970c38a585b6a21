"""Messages of Unix sockets and CAN buses use the same buffers, and end in the same place.

The kernel frees them with reasons of their own. They never carry a color; this cause exists so
that every reason has one.

How it is proven: the kernel's drop reasons that begin with UNIX_, CAN_, CANFD_ and CANXL_.

What to check: nothing in the network.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NOT_IP_TRAFFIC",
    title="Not a packet of an IP network",
    severity=Severity.INFO,
    layer=Layer.HOST,
    owner=Owner.OUTSIDE,
    tenant_meaning="This was no packet of your network.",
    operator_meaning="Unix socket or CAN frame.",
    remedy=Remedy(
        text="Nothing in the network is at fault.",
    ),
    drop_reasons=(
        "UNIX_DISCONNECT",
        "UNIX_SKIP_OOB",
        "CAN_RX_INVALID_FRAME",
        "CANFD_RX_INVALID_FRAME",
        "CANXL_RX_INVALID_FRAME",
    ),
)
