"""The packet arrived at its address, but no program there wants it.

No socket is open for this protocol, address and port. The receiver answers with "port
unreachable" or a TCP reset.

How it is proven: the kernel's drop reason NO_SOCKET at the destination. (Answers to pings end
this way too, after the pinging program has its copy: then it is no loss.)

What to check: whether the service runs, on which port, and whether it listens on this address
or on loopback only.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NO_SOCKET",
    title="Nobody listens at the destination",
    severity=Severity.CRITICAL,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiver is reachable, but no program listens on that port.",
    operator_meaning="Socket look-up failed at the destination: the network did its part.",
    remedy=Remedy(
        text="Start the service at {dst}, or correct its port.",
        command="ip netns exec {netns} ss -lntup",
    ),
    drop_reasons=("NO_SOCKET",),
)
