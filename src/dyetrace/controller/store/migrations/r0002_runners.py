"""Tasks of several controllers: where a runner is, until when it is believed, who waits."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; running tasks of 0.1 keep their runner, looked up by pid as before."""
    op.add_column("tasks", sa.Column("runner_host", sa.String(80)))
    op.add_column("tasks", sa.Column("runner_until", sa.DateTime))
    op.add_column("tasks", sa.Column("queued", sa.Integer, nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "postgresql":  # in SQLite every integer is wide
        op.alter_column("tasks", "runner_started", type_=sa.BigInteger)
