"""A wireless card's frame was refused: wrong key, replay, duplicate or malformed.

Frames from a wireless network are checked before they become packets. Clouds seldom meet this;
laptops that run dyetrace on themselves do.

How it is proven: drop reasons of the subsystem mac80211, whose names begin with RX_DROP_.

What to check: the signal, and that both sides have the same keys.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="WIRELESS_DROP",
    title="Refused by the wireless stack",
    severity=Severity.MINOR,
    layer=Layer.LINK,
    owner=Owner.OUTSIDE,
    tenant_meaning="The wireless connection lost the packet.",
    operator_meaning="mac80211 dropped the frame on reception.",
    remedy=Remedy(
        text="Look at the state of the wireless connection.",
        command="ip netns exec {netns} iw dev",
    ),
    drop_reasons=("RX_DROP_MONITOR", "RX_DROP_UNUSABLE"),
)
