"""The packet carries IPv4 options that this VFD does not accept.

Options that choose the route (loose and strict source routing) are refused almost everywhere,
for they go around filters.

How it is proven: the kernel's drop reason IP_INHDR, freed in ip_rcv_finish_core: the header was
sound (ip_rcv_core checks that), its options were not.

What to check: what sets the options at the sender; accept_source_route, if they are meant.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_said
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="IP_OPTIONS_REFUSED",
    title="Refused for its IP options",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="The sender asks routers for special treatment that this network does not give.",
    operator_meaning=(
        "The packet's IPv4 options are invalid or ask for source routing, which is off."
    ),
    remedy=Remedy(
        text="Have {src} send without IP options.",
        command="ip netns exec {netns} sysctl net.ipv4.conf.all.accept_source_route",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether its options were refused after its header was found sound."""
    return was_said(loss, "IP_INHDR", "ip_rcv_finish_core", "ip_rcv_finish", "ip_rcv_options")
