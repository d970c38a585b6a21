"""The outer header tells of congestion, and the inner one says that its flow takes no such news.

The packet must be dropped then. A device in the underlay that rewrites the whole TOS byte makes
such packets from healthy ones.

How it is proven: the kernel's drop reason IP_TUNNEL_ECN.

What to check: switches and rules of the underlay that rewrite DSCP and touch the two bits
below.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TUNNEL_ECN_CONFLICT",
    title="Congestion bits of the two headers contradict each other",
    severity=Severity.MAJOR,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="Something in the provider's network damages a header field.",
    operator_meaning="Outer ECN says congestion, inner says the flow does not know ECN (RFC 6040).",
    remedy=Remedy(
        text="Have whatever rewrites DSCP in the underlay leave the ECN bits alone.",
        command="ip netns exec {netns} tcpdump -c 10 -v -n udp",
    ),
    drop_reasons=("IP_TUNNEL_ECN",),
)
