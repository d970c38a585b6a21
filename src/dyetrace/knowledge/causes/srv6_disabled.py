"""The packet has a segment routing header, and the host does not accept those.

Linux processes segment routing headers only on devices with seg6_enabled=1, and on `all` as
well.

How it is proven: the kernel freed the packet without a reason in ipv6_rthdr_rcv (Linux 6.18),
where routing headers are processed.

What to check: seg6_enabled on `all` and on the device that the packet came in by.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SRV6_DISABLED",
    title="Segment routing is switched off",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiving host is not set up for your network.",
    operator_meaning="SRH received with seg6_enabled=0 (or an HMAC that does not fit).",
    remedy=Remedy(
        text="Switch segment routing on for {port}.",
        command=(
            "ip netns exec {netns} sysctl -w net.ipv6.conf.all.seg6_enabled=1 "
            "net.ipv6.conf.{port}.seg6_enabled=1"
        ),
    ),
)

FALLBACK = "ip netns exec {netns} sysctl net.ipv6.conf.all.seg6_enabled"


def explains(loss: Loss) -> bool:
    """Whether it was freed where routing headers are processed."""
    return was_freed_in(loss, "ipv6_rthdr_rcv", "ipv6_srh_rcv", "seg6_hmac_validate_skb")
