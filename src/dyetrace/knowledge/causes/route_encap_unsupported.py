"""The route says to encapsulate in a way that this kernel cannot do here.

Routes may carry an encapsulation (SRv6, MPLS, ILA, eBPF). If its module is missing, or it has
no meaning in this direction, the packet is dropped.

How it is proven: no reason, freed in lwtunnel_input, lwtunnel_output or lwtunnel_xmit.

What to check: the encapsulation of the route, and whether its module is loaded.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="ROUTE_ENCAP_UNSUPPORTED",
    title="Route's encapsulation cannot be done",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="A router of the network cannot carry out what its route says.",
    operator_meaning="The route's encapsulation type has no handler for this direction.",
    remedy=Remedy(
        text="Load the module that the route's encapsulation needs.",
        command="ip netns exec {netns} ip -details route show table all",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the route's encapsulation had no handler."""
    return was_freed_in(loss, "lwtunnel_input", "lwtunnel_output", "lwtunnel_xmit")
