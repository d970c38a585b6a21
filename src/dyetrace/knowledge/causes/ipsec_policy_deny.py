"""An IPsec policy demands what the packet does not have, or blocks it.

The kernel's transformation policies (XFRM) say that this traffic must come encrypted, or must
not pass. The packet came in the clear, in a wrong tunnel, or met a block policy.

How it is proven: the kernel's drop reason XFRM_POLICY; a block policy for forwarded packets
shows as this, freed in ip_forward.

What to check: whether both ends have the same policies, and whether the security associations
are alive.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="IPSEC_POLICY_DENY",
    title="Denied by an IPsec policy",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The traffic does not meet the encryption policy of the network.",
    operator_meaning=(
        "An XFRM policy check failed: the packet is not protected the way the policy demands."
    ),
    remedy=Remedy(
        text="Compare policies and states of both ends of the tunnel.",
        command="ip netns exec {netns} ip xfrm policy list",
    ),
    drop_reasons=("XFRM_POLICY",),
)
