"""Tenants can have quotas of their own; a task says what it may color, and at which hosts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Count nothing of earlier tasks: they have ended, or will."""
    for name in ("packets", "packets_per_second"):
        op.add_column("tasks", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    op.create_index("tasks_of_a_tenant", "tasks", ["tenant", "opened_at"])
    op.create_table(
        "task_hosts",
        sa.Column("task", sa.String(16), primary_key=True),
        sa.Column("host", sa.String, primary_key=True),
    )
    op.create_table(
        "quotas",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("active_tasks", sa.Integer),
        sa.Column("packets_per_task", sa.Integer),
        sa.Column("packets_per_second", sa.Integer),
        sa.Column("packets_per_day", sa.Integer),
    )
