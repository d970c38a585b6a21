"""The flow sends the packet to a port number that nobody has.

A port was deleted while flows still named it, or never came up after a restart. The present
drivers do not observe this: it is here for the driver of this data plane.

How it is proven: the coverage counter datapath_drop_invalid_port, bond port or tunnel port, as
a drop reason of this name.

What to check: the datapath's ports against those in the database, and their errors.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_OUTPUT_PORT_MISSING",
    title="Virtual switch's output port is gone",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The virtual switch sends the packet to a port that does not exist any more.",
    operator_meaning="Userspace datapath: the flow's output port number is not known.",
    remedy=Remedy(
        text="Look for ports with an error.",
        command="ovs-vsctl --columns=name,error list interface",
    ),
    drop_reasons=(
        "DATAPATH_DROP_INVALID_PORT",
        "DATAPATH_DROP_INVALID_BOND",
        "DATAPATH_DROP_INVALID_TNL_PORT",
    ),
)
