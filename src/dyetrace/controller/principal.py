"""Who asks, and what they may."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a principal may do."""

    TENANT_READER = "tenant-reader"  # sees its tenant's tasks and answers
    TENANT = "tenant"  # traces what has an end of its tenant's
    OPERATOR = "operator"  # traces everything, sees hosts
    ADMIN = "admin"  # manages tokens, agents and quotas as well
    AGENT = "agent"  # a host's agent

    @property
    def is_of_tenant(self) -> bool:
        """Whether it means something for one tenant only."""
        return self in {Role.TENANT_READER, Role.TENANT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Somebody, or some program, that the controller knows."""

    name: str
    role: Role
    tenant: str = ""

    def __post_init__(self) -> None:
        """Refuse a tenant's role without a tenant, and a tenant where the role has none."""
        if not self.name:
            raise ValueError("a principal has a name")
        if self.role.is_of_tenant != bool(self.tenant):
            raise ValueError(
                f"role {self.role.value} needs a tenant"
                if self.role.is_of_tenant
                else f"role {self.role.value} is for all tenants: leave tenant out"
            )

    @property
    def full_name(self) -> str:
        """Its name with its tenant's: names are each tenant's own."""
        return f"{self.tenant}/{self.name}" if self.tenant else self.name
