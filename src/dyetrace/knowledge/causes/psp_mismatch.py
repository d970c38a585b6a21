"""The connection is to be encrypted with PSP, and this packet is not as agreed.

PSP encrypts single connections in the network card. A packet came in the clear or with a wrong
key, or could not be sent encrypted.

How it is proven: the kernel's drop reasons PSP_INPUT and PSP_OUTPUT.

What to check: whether both ends still have the connection's keys, and whether the card offloads
PSP after a reset.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="PSP_MISMATCH",
    title="Does not meet the connection's PSP encryption",
    severity=Severity.MAJOR,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The connection's encryption is out of step between the two ends.",
    operator_meaning="PSP input validation failed, or output could not be encrypted.",
    remedy=Remedy(
        text="Open the connection anew; if that does not help, check the card's PSP offload.",
        command="ip netns exec {netns} ip -s link show",
    ),
    drop_reasons=("PSP_INPUT", "PSP_OUTPUT"),
)
