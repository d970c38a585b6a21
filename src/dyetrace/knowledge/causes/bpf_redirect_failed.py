"""A tc program redirected the packet, and that failed.

The target is gone or down, sits in another namespace, or its neighbour is not known
(bpf_redirect_neigh).

How it is proven: no reason, freed in skb_do_redirect, __bpf_redirect or bpf_clone_redirect.

What to check: the program's idea of ifindexes against those that are there: they change when
devices are made anew.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="BPF_REDIRECT_FAILED",
    title="Sent by an eBPF program to a device that does not take it",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A program of the network sends the packet nowhere.",
    operator_meaning="bpf_redirect, its neighbour or peer form, or bpf_clone_redirect failed.",
    remedy=Remedy(
        text="Compare the program's targets with the devices that are there.",
        command="ip netns exec {netns} bpftool net show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a redirect by eBPF freed it."""
    return was_freed_in(
        loss,
        "skb_do_redirect",
        "__bpf_redirect",
        "bpf_clone_redirect",
        "__bpf_redirect_neigh",
        "__bpf_redirect_no_mac",
    )
