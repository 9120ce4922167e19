"""Redaction: the keys by which values are hashed as they leave; and indexes by item for what an erasure looks into.

Revision ID: 0040
Revises: 0039
"""

from alembic import op

revision = "0040"
down_revision = "0039"

UP = """
CREATE TABLE IF NOT EXISTS redaction_keys (
  project_id uuid PRIMARY KEY REFERENCES projects (id),
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
)
"""
# An erasure looks into these by item; without an index it read each of them in full for every fifty items.
FOUND_BY_ITEM = ("override_proposals", "bulk_items", "rollout_items")


def upgrade() -> None:
    """Add the table, then the indexes without keeping anybody from working meanwhile."""
    op.execute(UP)
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for every transaction that is older than itself
        for table in FOUND_BY_ITEM:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_item_id")
            op.execute(f"CREATE INDEX CONCURRENTLY {table}_item_id ON {table} (project_id, item_id)")
        op.execute("SET lock_timeout = '4s'")


def downgrade() -> None:
    """Take them away: what was hashed cannot be joined with what is hashed later."""
    op.execute("DROP TABLE redaction_keys")
    with op.get_context().autocommit_block():
        for table in FOUND_BY_ITEM:
            op.execute(f"DROP INDEX IF EXISTS {table}_item_id")
