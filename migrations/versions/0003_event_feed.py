"""The feed of events: a place for each in commit order, and the body that every receiver gets.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"

UP = """
ALTER TABLE events ADD COLUMN position bigint, ADD COLUMN body text;
ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0,
                        vacuum_index_cleanup = on);
CREATE UNIQUE INDEX events_position ON events (project_id, position) WHERE position IS NOT NULL;
CREATE INDEX events_unrelayed ON events (project_id, created_at, id) WHERE position IS NULL;
CREATE TABLE event_feeds (
  project_id uuid PRIMARY KEY REFERENCES projects (id),
  last_position bigint NOT NULL DEFAULT 0,
  endpoints_version integer NOT NULL DEFAULT 0
)
"""

DOWN = """
DROP TABLE event_feeds;
DROP INDEX events_unrelayed;
DROP INDEX events_position;
ALTER TABLE events RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay, vacuum_index_cleanup);
ALTER TABLE events DROP COLUMN position, DROP COLUMN body
"""


def upgrade() -> None:
    """Make the feed."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Drop the feed; the events stay."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
