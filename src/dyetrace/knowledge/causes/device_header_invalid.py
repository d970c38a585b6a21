"""The header about checksums and segments that a VM writes before each packet makes no sense.

A broken driver, or features that VM and host negotiated differently, for example after a
migration.

How it is proven: the kernel's drop reason DEV_HDR.

What to check: the VM's driver and the features that were negotiated.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DEVICE_HEADER_INVALID",
    title="Invalid device header from the VM",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.TENANT,
    tenant_meaning="The VM's network driver describes its packets wrongly.",
    operator_meaning=(
        "The virtio-net header in front of the packet is invalid, or cannot be honoured."
    ),
    remedy=Remedy(
        text="Switch the offloads of the VM's network card off to see whether that is it.",
        command="ip netns exec {netns} ethtool --show-features {port}",
    ),
    drop_reasons=("DEV_HDR",),
)

FALLBACK = "ip netns exec {netns} ip -details link show"
