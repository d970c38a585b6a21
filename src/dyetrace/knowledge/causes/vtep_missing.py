"""The encapsulated packet came to a host where no tunnel device takes it.

The packet was sent to this host's address, but no VXLAN or Geneve device listens on that port:
it was removed, is down, or uses another port number.

How it is proven: the kernel found no socket or no handler for a packet that is still
encapsulated: NO_SOCKET in __udp4_lib_rcv or __udp6_lib_rcv with an outer header on top of the
colored one. Linux 6.18 shows this for a VXLAN device that is down as well as for none.

What to check: whether the tunnel device exists, is up, and uses the sender's port number (4789
is VXLAN's, Linux' own default was 8472).
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VTEP_MISSING",
    title="Nobody decapsulates here",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiving host is not connected to your network.",
    operator_meaning="No VTEP listens on the outer destination port.",
    remedy=Remedy(
        text="Set up the tunnel device on host {host}, or switch it on.",
        command="ip netns exec {netns} ip -details link show type vxlan",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether nobody wanted a packet that is still encapsulated."""
    return loss.outer is not None and loss.drop_reason in {"NO_SOCKET", "IP_NOPROTO"}
