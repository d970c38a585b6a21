"""The route that the packet takes has an eBPF program, and that dropped it.

Routes of type `encap bpf` run a program on the way in, out or before sending. It may drop, or
send the packet to another route that does not exist.

How it is proven: no reason, freed in run_lwt_bpf, bpf_input, bpf_output, bpf_xmit or
bpf_lwt_xmit_reroute.

What to check: which program the route has, and its own counters or maps.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="ROUTE_BPF_DROP",
    title="Dropped by a route's eBPF program",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="A program attached to a route does not let this traffic pass.",
    operator_meaning="A light-weight tunnel eBPF program (encap bpf) returned drop or failed.",
    remedy=Remedy(
        text="Find the program of the route to {dst} and ask its owner why.",
        command="ip netns exec {netns} ip -details route show table all",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a route's program freed it."""
    return was_freed_in(
        loss, "run_lwt_bpf", "bpf_input", "bpf_output", "bpf_xmit", "bpf_lwt_xmit_reroute"
    )
