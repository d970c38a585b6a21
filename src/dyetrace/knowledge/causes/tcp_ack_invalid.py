"""The segment acknowledges data that the receiver never sent, or that is long past.

Devices that rewrite sequence numbers on one path only, two connections mixed up, or blind
attacks.

How it is proven: the kernel's drop reasons TCP_ACK_UNSENT_DATA, TCP_TOO_OLD_ACK and
TCP_INVALID_ACK_SEQUENCE.

What to check: firewalls and proxies that change sequence numbers, and whether both directions
pass them.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_ACK_INVALID",
    title="Acknowledges what was never sent",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.OUTSIDE,
    tenant_meaning="The receiver takes the packet for forged.",
    operator_meaning="The ACK number is beyond SND.NXT or far too old (RFC 5961).",
    remedy=Remedy(
        text="Lead both directions through the same middleboxes.",
        command="ip netns exec {netns} nstat -az TcpExtTCPChallengeACK TcpExtTCPACKSkippedSeq",
    ),
    drop_reasons=(
        "TCP_ACK_UNSENT_DATA",
        "TCP_TOO_OLD_ACK",
        "TCP_INVALID_ACK_SEQUENCE",
    ),
)
