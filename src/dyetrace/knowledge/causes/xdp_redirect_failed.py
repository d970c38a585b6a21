"""An XDP program redirected the packet, and that failed.

The map it looks the target up in has no entry, the target is down, or it has no XDP transmit of
its own.

How it is proven: no reason, freed in xdp_do_generic_redirect or generic_xdp_tx. The tracepoint
xdp_redirect_err tells the error.

What to check: the entries of the program's device map, and the state of the target.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="XDP_REDIRECT_FAILED",
    title="Sent by an XDP program to a device that does not take it",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A fast forwarding program of the network sends the packet nowhere.",
    operator_meaning="XDP_REDIRECT or XDP_TX failed: target missing, down, or without XDP.",
    remedy=Remedy(
        text="List the device maps of the program on {port}.",
        command="bpftool map show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a redirect by XDP freed it."""
    return was_freed_in(
        loss,
        "xdp_do_generic_redirect",
        "generic_xdp_tx",
        "xdp_do_generic_redirect_map",
        "dev_map_generic_redirect",
        "cpu_map_generic_redirect",
    )
