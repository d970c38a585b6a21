"""The host has no memory for the packet.

A buffer could not be had when it was needed, or only from the reserve for emergencies.

How it is proven: the kernel's drop reasons NOMEM and PFMEMALLOC.

What to check: the host's free memory, and vm.min_free_kbytes.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MEMORY_SHORT",
    title="Out of memory",
    severity=Severity.MAJOR,
    layer=Layer.HOST,
    owner=Owner.PROVIDER,
    tenant_meaning="The host is short of memory.",
    operator_meaning="Allocation failed, or the packet sits in emergency memory.",
    remedy=Remedy(
        text="Free memory on host {host}, or raise vm.min_free_kbytes.",
        command="free --human",
    ),
    drop_reasons=("NOMEM", "PFMEMALLOC"),
)
