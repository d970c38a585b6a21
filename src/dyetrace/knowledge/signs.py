"""What several causes look for in a loss.

The kernel's functions stand here by name because many places free a packet
without a reason: then the function is all that tells. Names are as seen on
Linux 6.18, and where they differ, on older kernels.
"""

from typing import Final

from dyetrace.knowledge.loss import Loss, Place

UNSAID: Final = frozenset({"", "NOT_SPECIFIED"})

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


def was_said(loss: Loss, drop_reason: str, *functions: str) -> bool:
    """Whether it was dropped for this reason in one of these functions."""
    return was_dropped(loss) and loss.drop_reason == drop_reason and function(loss) in functions


def is_netfilter_drop(loss: Loss) -> bool:
    """Whether netfilter dropped it."""
    return was_dropped(loss) and loss.drop_reason == "NETFILTER_DROP"


def rule_says(loss: Loss, *words: str) -> bool:
    """Whether a known netfilter rule dropped it that has one of these words."""
    rule = loss.site.culprit_rule
    if rule is None or not is_netfilter_drop(loss):
        return False
    told = f"{rule.text} {rule.comment} {rule.chain}"
    return any(word in told for word in words)


def is_size_drop(loss: Loss) -> bool:
    """Whether it was too large: a peer takes no packet if it is down or if its MTU is smaller."""
    if was_dropped(loss) and loss.drop_reason == "PKT_TOO_BIG":
        return True
    if was_freed_in(loss, "ip_fragment", "ip6_fragment", "br_ip6_fragment"):
        return True
    is_up = bool(loss.site.links) and loss.site.dead_link is None
    return was_freed_in(loss, "__dev_forward_skb2", "____dev_forward_skb") and is_up


def is_bridge_drop(loss: Loss) -> bool:
    """Whether a bridge freed it without a reason."""
    return was_freed_in(
        loss, "br_handle_frame_finish", "br_handle_frame", "br_forward", "__br_forward"
    )


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
    port it names; without one, the packet must have been past the port it came in by.
    """
    rule = loss.site.culprit_rule
    if loss.is_at_source and rule and loss.in_port and f'iifname "{loss.in_port}"' in rule.text:
        return False
    is_past_entry = bool(loss.port and loss.in_port and loss.port != loss.in_port)
    return loss.is_at_destination and (not loss.is_at_source or is_past_entry)
