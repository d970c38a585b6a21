"""What several causes look for in a loss.

The kernel's functions stand here by name because many places free a packet
without a reason: then the function is all that tells. Names are as seen on
Linux 6.18, and where they differ, on older kernels.
"""

import re
from typing import Final

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.site import Link, SiteEvidence, Tunnel

LAST_HOP: Final = 1  # a TTL that no router can spend
UNSAID: Final = frozenset({"", "NOT_SPECIFIED"})
LOOKS_AT_DSCP: Final = re.compile(r"\b(dscp|tos)\b(?! set)")  # as nft and iptables write it

NO_ROUTE: Final = frozenset({"IP_INNOROUTES", "IP_OUTNOROUTES"})
ROUTE_FUNCTIONS: Final = frozenset(
    {
        "ip_error",
        "dst_discard",
        "dst_discard_out",
        "ip6_pkt_drop",
        "ip6_pkt_discard",
        "ip6_pkt_discard_out",
        "ip6_pkt_prohibit",
        "ip6_pkt_prohibit_out",
    }
)


def was_dropped(loss: Loss) -> bool:
    """Whether a VFD dropped it, in contrast to its having vanished."""
    return loss.place is Place.AT_VFD


def function(loss: Loss) -> str:
    """Give the function that freed the packet, without offset and compiler's suffix."""
    return loss.symbol.split("+")[0].split(".")[0]


def is_unsaid(loss: Loss) -> bool:
    """Whether the dropper gave no reason."""
    return was_dropped(loss) and loss.drop_reason in UNSAID


def was_freed_in(loss: Loss, *functions: str) -> bool:
    """Whether it was dropped without a reason in one of these functions."""
    return is_unsaid(loss) and function(loss) in functions


def was_given_up(loss: Loss) -> bool:
    """Whether it waited in vain for a neighbour's address; its queue may have been emptied."""
    return was_freed_in(
        loss, "neigh_invalidate", "arp_error_report", "ndisc_error_report"
    ) or was_said(loss, "QUEUE_PURGE", "neigh_invalidate")


def was_said(loss: Loss, drop_reason: str, *functions: str) -> bool:
    """Whether it was dropped for this reason in one of these functions."""
    return was_dropped(loss) and loss.drop_reason == drop_reason and function(loss) in functions


def is_netfilter_drop(loss: Loss) -> bool:
    """Whether netfilter dropped it."""
    return was_dropped(loss) and loss.drop_reason == "NETFILTER_DROP"


def rule_says(loss: Loss, *words: str) -> bool:
    """Whether the netfilter rule that dropped it has one of these words, whichever rule it was."""
    if not is_netfilter_drop(loss):
        return False
    culprit = loss.site.culprit_rule
    told = [
        f"{rule.text} {rule.comment} {rule.chain}"
        for rule in ((culprit,) if culprit else loss.site.rules)
    ]
    return bool(told) and all(any(word in each for word in words) for each in told)


def is_size_drop(loss: Loss) -> bool:
    """Whether it was too large: a peer takes no packet if it is down or if its MTU is smaller."""
    if was_dropped(loss) and loss.drop_reason == "PKT_TOO_BIG":
        return True
    if was_freed_in(loss, "ip_fragment", "ip6_fragment", "br_ip6_fragment"):
        return True
    is_up = bool(loss.site.links) and loss.site.dead_link is None
    return was_freed_in(loss, "__dev_forward_skb2", "____dev_forward_skb") and is_up


def is_ttl_drop(loss: Loss) -> bool:
    """Whether a forwarding function dropped it at its last hop."""
    if not was_dropped(loss) or loss.ttl > LAST_HOP:
        return False
    is_forwarding = function(loss) in {"ip_forward", "ip6_forward"}
    return loss.drop_reason == "IP_INHDR" or (loss.drop_reason in UNSAID and is_forwarding)


def is_bridge_drop(loss: Loss) -> bool:
    """Whether a bridge freed it without a reason."""
    return was_freed_in(
        loss, "br_handle_frame_finish", "br_handle_frame", "br_forward", "__br_forward"
    )


def dead_link(loss: Loss) -> Link | None:
    """Find the dead device that bears on a loss, on the packet's known way or beside it.

    Beside it counts what explains why the way is not known: routes go with their device,
    and a bridge does not tell which of its ports it held closed.
    """
    site = loss.site
    if site.dead_link is not None:
        return site.dead_link
    if loss.drop_reason in NO_ROUTE:
        return next(iter(site.idle_links), None)
    closed = {port.name for port in site.closed_ports}
    if is_bridge_drop(loss):
        return next((link for link in site.idle_links if link.name in closed), None)
    return None


def dead_tunnel(loss: Loss) -> Tunnel | None:
    """Find the tunnel device that should take an outer packet and is down."""
    vni = loss.outer.vni if loss.outer else 0
    return next(
        (each for each in loss.site.tunnels if each.vni == vni and not each.is_up),
        None,
    )


def looks_at_dscp(site: SiteEvidence) -> bool:
    """Whether a rule that matched what was dropped looks at the DSCP, which is our color."""
    culprit = site.dropped_by
    texts = [rule.text for rule in site.rules_met] + ([culprit.text] if culprit else [])
    return any(LOOKS_AT_DSCP.search(text) for text in texts)


def is_queue_drop(loss: Loss) -> bool:
    """Whether a device's queue dropped it."""
    return was_dropped(loss) and loss.drop_reason.startswith("QDISC_")


def is_route_drop(loss: Loss) -> bool:
    """Whether the route look-up, or the route it found, dropped the packet.

    A drop without reason and without function may be one: then the route that
    the agent looked up afterwards has to tell.
    """
    if not was_dropped(loss):
        return False
    if loss.drop_reason in NO_ROUTE or loss.drop_reason in {"IP_INADDRERRORS", "BLACKHOLE"}:
        return True
    return loss.drop_reason in UNSAID and function(loss) in ROUTE_FUNCTIONS | {""}


def is_on_receiving_side(loss: Loss) -> bool:
    """Whether it was dropped on the receiver's side of its vSwitch.

    Of a vSwitch that is the sender's as well, the rule that dropped it tells by the
    port it names, or the rules that led to its chain; without one, the packet must
    have been past the port it came in by.
    """
    if loss.is_at_source and loss.in_port and _rule_asks_for(loss, f'iifname "{loss.in_port}"'):
        return False
    is_past_entry = bool(loss.port and loss.in_port and loss.port != loss.in_port)
    return loss.is_at_destination and (not loss.is_at_source or is_past_entry)


def _rule_asks_for(loss: Loss, match: str) -> bool:
    """Whether the rule that dropped it, or one that jumped on the way to it, has this match."""
    rule = loss.site.culprit_rule
    if rule is None:
        return False
    jumps = (
        met.text
        for met in loss.site.rules_met
        if (met.family, met.table) == (rule.family, rule.table)
        and met.decision.startswith(("jump", "goto"))
    )
    return any(match in text for text in (rule.text, *jumps))
