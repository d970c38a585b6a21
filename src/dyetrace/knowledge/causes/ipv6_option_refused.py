"""An IPv6 option is unknown here, and says that whoever does not know it must drop the packet.

The two highest bits of an option's type say what to do with it where it is not known. Options
of experiments and of vendors end here.

How it is proven: freed in ip6_tlvopt_unknown or ip6_parse_tlv.

What to check: which options the sender sets, and limits on their number (max_hbh_opts_number).
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="IPV6_OPTION_REFUSED",
    title="Refused for an IPv6 option",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="The sender uses an IPv6 option that this network does not understand.",
    operator_meaning="A hop-by-hop or destination option is unknown or malformed.",
    remedy=Remedy(
        text="Have {src} send without the option, or raise the limits on options.",
        command="ip netns exec {netns} sysctl net.ipv6.max_hbh_opts_number",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it was freed where options are read."""
    return was_dropped(loss) and function(loss) in {
        "ip6_tlvopt_unknown",
        "ip6_parse_tlv",
        "ipv6_hop_jumbo",
    }
