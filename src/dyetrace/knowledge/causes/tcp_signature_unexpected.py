"""The segment is signed, and the receiver has no key for this peer.

Only the sender was configured, or translation shows the receiver another address than its key
is for.

How it is proven: the kernel's drop reasons TCP_MD5UNEXPECTED, TCP_AOUNEXPECTED and
TCP_AOKEYNOTFOUND.

What to check: whether the receiver has a key for the address it sees.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_SIGNATURE_UNEXPECTED",
    title="Signed, though nobody asked for it",
    severity=Severity.CRITICAL,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The sender signs its packets, and the receiver does not know the key.",
    operator_meaning="Segment with TCP-MD5 or TCP-AO, no key for this peer here.",
    remedy=Remedy(
        text="Configure the key for {src} at {dst} as well.",
        command="ip netns exec {netns} nstat -az TcpExtTCPMD5Unexpected TcpExtTCPAOKeyNotFound",
    ),
    drop_reasons=(
        "TCP_MD5UNEXPECTED",
        "TCP_AOUNEXPECTED",
        "TCP_AOKEYNOTFOUND",
    ),
)
