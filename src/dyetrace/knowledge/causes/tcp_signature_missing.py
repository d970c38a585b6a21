"""The receiver has a key for this peer, and the segment is not signed.

Only one side of a routing session was configured, or a device on the way strips the option.

How it is proven: the kernel's drop reasons TCP_MD5NOTFOUND and TCP_AONOTFOUND.

What to check: whether the sender has a key for the address it sees, and signs.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_SIGNATURE_MISSING",
    title="Signature demanded, none there",
    severity=Severity.CRITICAL,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiver demands signed packets, and the sender does not sign.",
    operator_meaning="TCP-MD5 or TCP-AO key configured here, segment without a signature.",
    remedy=Remedy(
        text="Configure the key at {src} as well.",
        command="ip netns exec {netns} nstat -az TcpExtTCPMD5NotFound TcpExtTCPAORequired",
    ),
    drop_reasons=(
        "TCP_MD5NOTFOUND",
        "TCP_AONOTFOUND",
    ),
)
