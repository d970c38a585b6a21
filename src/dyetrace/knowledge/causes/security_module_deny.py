"""A Linux security module, such as SELinux, refused the packet.

Security modules may check packets against labels of sockets, peers and interfaces. Here one of
them said no.

How it is proven: the kernel's drop reason SECURITY_HOOK.

What to check: the audit log of the host: the module writes there what it refused, and why.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SECURITY_MODULE_DENY",
    title="Denied by a security module",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiving host's security policy refused the packet.",
    operator_meaning="A security module hook (SELinux, Smack, ...) denied the packet.",
    remedy=Remedy(
        text="Look up the denial in the host's audit log.",
        command="journalctl --dmesg --grep denied",
    ),
    drop_reasons=("SECURITY_HOOK",),
)
