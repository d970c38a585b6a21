"""Tasks have a tenant, which has active tasks of its own; there is a kill switch."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

UNENDED = sa.column("state").not_in(["done", "failed", "cancelled"])


def upgrade() -> None:
    """Make all earlier tasks the provider's."""
    op.add_column("tasks", sa.Column("tenant", sa.String, nullable=False, server_default=""))
    op.drop_index("one_active_task_per_filter", "tasks")
    op.create_index(
        "one_active_task_per_filter",
        "tasks",
        ["cloud", "tenant", "filter"],
        unique=True,
        sqlite_where=UNENDED,
        postgresql_where=UNENDED,
    )
    op.create_table(
        "kill_switch",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
    )
