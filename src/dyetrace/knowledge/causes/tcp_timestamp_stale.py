"""The segment's timestamp is older than one that came before.

Several machines behind one translated address have different clocks, and look like one that
goes backwards. A reused port shortly after a connection closed does too.

How it is proven: the kernel's drop reasons that begin with TCP_RFC7323_.

What to check: whether clients share an address and ports, and how soon the translation reuses
ports.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_TIMESTAMP_STALE",
    title="Too old by its TCP timestamp",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiver takes the packet for one from the past.",
    operator_meaning="PAWS or timestamp echo check failed (RFC 7323).",
    remedy=Remedy(
        text="Keep translation from reusing ports early, or give clients more addresses.",
        command=(
            "ip netns exec {netns} nstat -az TcpExtPAWSEstab TcpExtPAWSActive TcpExtTSEcrRejected"
        ),
    ),
    drop_reasons=(
        "TCP_RFC7323_PAWS",
        "TCP_RFC7323_PAWS_ACK",
        "TCP_RFC7323_TW_PAWS",
        "TCP_RFC7323_TSECR",
    ),
)
