"""Connection tracking has no room for another connection, so new ones are dropped.

Stateful rules and address translation need an entry for each connection. When the table has
reached its limit and nothing in it may be thrown out early, the kernel drops the first packets
of every new connection, while old ones go on.

How it is proven: the kernel freed the packet with the reason NETFILTER_DROP outside of any rule
table, and the table counted as many entries as its limit when the agent looked.

What to check: who opens so many connections (often a scan, or health checks without
keep-alive), and whether the timeouts of idle entries fit the traffic.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

RULE_TABLES = frozenset({"nft_do_chain", "ipt_do_table", "ip6t_do_table", "ebt_do_table"})

CAUSE = Cause(
    code="CONNTRACK_FULL",
    title="Connection table full",
    severity=Severity.MAJOR,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "The network cannot keep track of more connections at the moment: new ones fail, "
        "old ones work."
    ),
    operator_meaning=(
        "nf_conntrack's table is full: packets of new connections are dropped before any "
        "rule sees them."
    ),
    remedy=Remedy(
        text="Raise the limit, and look for the flows that fill the table.",
        command=(
            "ip netns exec {netns} sysctl net.netfilter.nf_conntrack_max "
            "net.netfilter.nf_conntrack_count"
        ),
    ),
)


def explains(loss: Loss) -> bool:
    """Whether netfilter dropped it outside of any rule, with a full table."""
    table = loss.site.conntrack
    return (
        loss.drop_reason == "NETFILTER_DROP"
        and function(loss) not in RULE_TABLES
        and table is not None
        and table.is_full
    )
