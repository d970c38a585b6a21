"""Nobody at the place that the packet came to understands its protocol.

The IP protocol number has no handler in this kernel: its module is not loaded, or the packet was
never meant to end here.

How it is proven: the kernel's drop reason IP_NOPROTO.

What to check: whether the packet should have been forwarded; if it is a tunnel's, whether the
tunnel's device is set up here.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="PROTOCOL_UNSUPPORTED",
    title="Protocol without a handler",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="The receiver does not understand this protocol.",
    operator_meaning="No protocol handler registered for the packet's IP protocol number.",
    remedy=Remedy(
        text="Set up what should handle {protocol} at {dst}, or correct where it is sent.",
        command="ip netns exec {netns} ip -details link show",
    ),
    drop_reasons=("IP_NOPROTO",),
)
