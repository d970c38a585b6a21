"""Every step of every task; of earlier tasks, the two that their rows tell."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

WIDE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table, and fill it with what is known."""
    op.create_table(
        "transitions",
        sa.Column("seq", WIDE, primary_key=True),
        sa.Column("task", sa.String(16), nullable=False),
        sa.Column("from_state", sa.String(16)),
        sa.Column("to_state", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("by", sa.String, nullable=False),
    )
    op.create_index("ix_transitions_task", "transitions", ["task"])
    for state, moment, which in (
        ("'new'", "opened_at", "1 = 1"),
        ("state", "finished_at", "finished_at IS NOT NULL"),
    ):
        op.execute(
            'INSERT INTO transitions (task, from_state, to_state, at, "by") '  # noqa: S608
            f"SELECT id, NULL, {state}, {moment}, 'dyetrace before 0.2' "
            f"FROM tasks WHERE {which} ORDER BY {moment}"
        )
