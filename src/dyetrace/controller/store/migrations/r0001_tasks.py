"""The tasks of dyetrace 0.1, which kept no version: such a database is stamped as this."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

FINAL = ["done", "failed", "cancelled"]


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("cloud", sa.String, nullable=False),
        sa.Column("filter", sa.String, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("answer", sa.JSON),
        sa.Column("error", sa.String),
        sa.Column("cancel_requested", sa.Integer, nullable=False),
        sa.Column("runner_pid", sa.Integer),
        sa.Column("runner_started", sa.Integer),
    )
    op.create_index(
        "one_active_task_per_filter",
        "tasks",
        ["cloud", "filter"],
        unique=True,
        sqlite_where=sa.column("state").not_in(FINAL),
        postgresql_where=sa.column("state").not_in(FINAL),
    )
