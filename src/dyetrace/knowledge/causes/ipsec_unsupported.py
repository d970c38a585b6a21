"""An encrypted packet came to a host where nobody takes such packets.

The protocol's module is not loaded, or no tunnel of its kind was ever set up.

How it is proven: no reason, freed in xfrm4_esp_rcv, xfrm4_ah_rcv, xfrm4_ipcomp_rcv or their
IPv6 twins.

What to check: whether the tunnel ends here, and whether the key exchange daemon runs.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

RECEIVERS = tuple(f"xfrm{v}_{name}_rcv" for v in (4, 6) for name in ("esp", "ah", "ipcomp"))

CAUSE = Cause(
    code="IPSEC_UNSUPPORTED",
    title="Nobody decrypts here",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiving host is not set up for the encrypted tunnel.",
    operator_meaning="No handler took the ESP, AH or IPComp packet.",
    remedy=Remedy(
        text="Set up the tunnel on host {host}, or correct the address it is sent to.",
        command="ip netns exec {netns} ip xfrm state list",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether no handler took an encrypted packet."""
    return was_freed_in(loss, *RECEIVERS)
