"""The connection is protected with TCP-MD5 or TCP-AO, and the segment's signature does not fit.

Routing sessions (BGP) are often signed. A key that was changed on one side only, or an address
translation in between, breaks the signature of every segment.

How it is proven: the kernel's drop reasons TCP_AUTH_HDR, TCP_MD5FAILURE and TCP_AOFAILURE.

What to check: that both ends have the same key for each other's address, and that no
translation lies between.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_SIGNATURE_MISMATCH",
    title="Wrong TCP signature",
    severity=Severity.CRITICAL,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The two ends do not agree on the connection's signature key.",
    operator_meaning="TCP-MD5 or TCP-AO verification failed.",
    remedy=Remedy(
        text="Set the same key at {src} and at {dst}.",
        command=("ip netns exec {netns} nstat -az TcpExtTCPMD5Failure TcpExtTCPAOBad"),
    ),
    drop_reasons=("TCP_AUTH_HDR", "TCP_MD5FAILURE", "TCP_AOFAILURE"),
)
