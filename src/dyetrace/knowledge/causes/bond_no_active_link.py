"""Several devices are bundled to one, and none of them can send.

All members are down, or the protocol that chooses among them (LACP) has not agreed with the
switch.

How it is proven: no reason, freed in bond_tx_drop, team_dummy_transmit, net_failover_start_xmit
or their callers.

What to check: the members' state, and the switch's side of the bundle.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="BOND_NO_ACTIVE_LINK",
    title="Bundle without an active link",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="All cables of a bundle are out.",
    operator_meaning="bonding, team or failover: no active member to transmit on.",
    remedy=Remedy(
        text="See why no member of {port} is active.",
        command="ip netns exec {netns} ip -details link show dev {port}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -details link show"


def explains(loss: Loss) -> bool:
    """Whether a bundle freed it."""
    return was_freed_in(
        loss,
        "bond_tx_drop",
        "bond_start_xmit",
        "__bond_start_xmit",
        "bond_xmit_activebackup",
        "team_dummy_transmit",
        "team_xmit",
        "net_failover_start_xmit",
        "net_failover_drop_xmit",
    )
