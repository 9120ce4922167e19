"""Erasure: what was erased and by whom, tombstones in the feed, snapshots that were withdrawn for it.

Revision ID: 0033
Revises: 0032
"""

from alembic import op

revision = "0033"
down_revision = "0032"

# Tables that every request writes: one after the other, each by itself, so that no lock is held while another is waited
# for. A tombstone in the feed is of an item and of no revision of its decision, so the feed refers to decisions no
# more; of these two, decisions are locked first, as whoever decides does.
UP_IN_USE = (
    "ALTER TABLE items ADD COLUMN IF NOT EXISTS erased_at timestamptz, ADD COLUMN IF NOT EXISTS erased_by text",
    "ALTER TABLE feedback ADD COLUMN IF NOT EXISTS withdrawn_at timestamptz",
    """DO $$ BEGIN
  LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE;
  ALTER TABLE feedback DROP CONSTRAINT IF EXISTS feedback_project_id_item_id_revision_fkey;
END $$""",
)
UP = """
ALTER TABLE snapshots ADD COLUMN IF NOT EXISTS tombstone json, ADD COLUMN IF NOT EXISTS files_removed_at timestamptz;
CREATE TABLE IF NOT EXISTS erasures (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT erasures_kind_check CHECK (kind IN ('subject', 'item', 'retention')),
  reason text NOT NULL,
  state text NOT NULL DEFAULT 'waiting'
    CONSTRAINT erasures_state_check CHECK (state IN ('waiting', 'running', 'done')),
  fence integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  tries smallint NOT NULL DEFAULT 0,
  snapshots integer NOT NULL DEFAULT 0,
  error text NOT NULL DEFAULT '',
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  kept_at timestamptz,
  PRIMARY KEY (project_id, id)
) WITH (fillfactor = 85);
CREATE INDEX IF NOT EXISTS erasures_under_way ON erasures (requested_at) WHERE state IN ('waiting', 'running');
CREATE TABLE IF NOT EXISTS erasure_items (
  project_id uuid NOT NULL,
  erasure_id uuid NOT NULL,
  item_id uuid NOT NULL,
  erased_at timestamptz,
  checked_at timestamptz,
  PRIMARY KEY (project_id, erasure_id, item_id),
  FOREIGN KEY (project_id, erasure_id) REFERENCES erasures (project_id, id)
);
CREATE INDEX IF NOT EXISTS erasure_items_item ON erasure_items (project_id, item_id);
CREATE INDEX IF NOT EXISTS erasure_items_open ON erasure_items (project_id, erasure_id) WHERE checked_at IS NULL
"""
# What is found by item elsewhere is few, or stands behind a key that the item leads to.
FOUND_BY_ITEM = ("events", "reviews", "notifications")
DOWN = """
DROP TABLE erasure_items;
DROP TABLE erasures;
ALTER TABLE snapshots DROP COLUMN tombstone, DROP COLUMN files_removed_at
"""
DOWN_IN_USE = (
    "DROP INDEX IF EXISTS events_item_id",
    "DROP INDEX IF EXISTS reviews_item_id",
    "DROP INDEX IF EXISTS notifications_item_id",
    "DELETE FROM feedback WHERE revision = 0",
    """DO $$ BEGIN
  LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE;
  ALTER TABLE feedback DROP CONSTRAINT IF EXISTS feedback_project_id_item_id_revision_fkey;
  ALTER TABLE feedback ADD CONSTRAINT feedback_project_id_item_id_revision_fkey
    FOREIGN KEY (project_id, item_id, revision) REFERENCES decisions (project_id, item_id, revision);
END $$""",
    "ALTER TABLE feedback DROP COLUMN IF EXISTS withdrawn_at",
    "ALTER TABLE items DROP COLUMN IF EXISTS erased_at, DROP COLUMN IF EXISTS erased_by",
)


def upgrade() -> None:
    """Add the tables and columns, then the indexes without keeping anybody from submitting meanwhile."""
    with op.get_context().autocommit_block():
        for statement in UP_IN_USE:
            op.execute(statement)
    for statement in UP.split(";\n"):
        op.execute(statement)
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for every transaction that is older than itself
        for table in FOUND_BY_ITEM:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {table}_item_id")
            op.execute(
                f"CREATE INDEX CONCURRENTLY {table}_item_id ON {table} (project_id, item_id) WHERE item_id IS NOT NULL"
            )
        op.execute("SET lock_timeout = '4s'")


def downgrade() -> None:
    """Take them away; what was erased stays erased."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
    with op.get_context().autocommit_block():
        for statement in DOWN_IN_USE:
            op.execute(statement)
