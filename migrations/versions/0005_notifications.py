"""Notifications to people and channels, and what people want of them.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"

UP = """
CREATE TABLE notifications (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  recipient text NOT NULL,
  kind text NOT NULL,
  event_id uuid NOT NULL,
  item_id uuid,
  facts json NOT NULL,
  state text NOT NULL
    CONSTRAINT notifications_state_check CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'dropped')),
  send_after timestamptz NOT NULL,
  lease_until timestamptz,
  attempts smallint NOT NULL DEFAULT 0,
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  PRIMARY KEY (project_id, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX notifications_event_id ON notifications (project_id, event_id, recipient, kind);
CREATE INDEX notifications_send_after ON notifications (send_after) WHERE state IN ('waiting', 'sending');
CREATE INDEX notifications_recipient ON notifications (project_id, recipient, send_after)
  WHERE state IN ('waiting', 'sending');
CREATE INDEX notifications_told ON notifications (project_id, recipient, id) WHERE state IN ('sent', 'failed');
CREATE TABLE notification_preferences (
  project_id uuid NOT NULL REFERENCES projects (id),
  user_id uuid NOT NULL REFERENCES users (id),
  settings json NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, user_id)
);
CREATE TABLE channel_states (
  project_id uuid NOT NULL REFERENCES projects (id),
  name text NOT NULL,
  url_sha256 bytea,
  failures integer NOT NULL DEFAULT 0,
  disabled_at timestamptz,
  reason text,
  PRIMARY KEY (project_id, name)
)
"""


def upgrade() -> None:
    """Make the tables of notifications."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables of notifications."""
    op.execute("DROP TABLE channel_states, notification_preferences, notifications")
