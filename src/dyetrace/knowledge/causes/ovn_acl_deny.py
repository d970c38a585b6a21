"""An access rule of the logical network drops the packet.

Security groups become ACLs of logical switches or port groups. The present drivers do not
observe this: it is here for the driver of this data plane.

How it is proven: the packet ended in OVN's stage ls_in_acl_eval or ls_out_acl_eval, which the
driver reports as the drop reason OVN_ACL_DENY_STAGE: a flow's cookie leads to its logical flow.

What to check: the ACLs of the port's groups, in order of priority.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVN_ACL_DENY",
    title="Denied by an ACL of OVN",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="A rule of a security group does not let this traffic pass.",
    operator_meaning="A logical switch's ACL of action drop or reject matched.",
    remedy=Remedy(
        text="Allow {match} in an ACL of higher priority.",
        command="ovn-nbctl --type=switch list acl",
    ),
    drop_reasons=("OVN_ACL_DENY_STAGE",),
)
