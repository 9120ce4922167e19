"""Webhook endpoints, their secrets, and the log of deliveries and attempts.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"

UP = """
CREATE TABLE webhook_endpoints (
  project_id uuid NOT NULL REFERENCES projects (id),
  id uuid NOT NULL,
  name text NOT NULL,
  url text NOT NULL,
  events text[] NOT NULL,
  max_in_flight smallint NOT NULL DEFAULT 10,
  state text NOT NULL
    CONSTRAINT webhook_endpoints_state_check CHECK (state IN ('active', 'disabled', 'removed')),
  reason text,
  failures integer NOT NULL DEFAULT 0,
  resting_until timestamptz,
  resting_because text,
  wake_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id),
  UNIQUE (project_id, name)
) WITH (fillfactor = 70);
CREATE INDEX webhook_endpoints_wake_at ON webhook_endpoints (wake_at) WHERE state = 'active' AND wake_at IS NOT NULL;
CREATE TABLE webhook_secrets (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT webhook_secrets_kind_check CHECK (kind IN ('hmac', 'ed25519')),
  sealed bytea NOT NULL,
  public_key text,
  created_at timestamptz NOT NULL DEFAULT now(),
  shown_at timestamptz,
  expires_at timestamptz,
  PRIMARY KEY (project_id, id),
  FOREIGN KEY (project_id, endpoint_id) REFERENCES webhook_endpoints (project_id, id)
);
CREATE INDEX webhook_secrets_endpoint_id ON webhook_secrets (project_id, endpoint_id);
CREATE TABLE deliveries (
  project_id uuid NOT NULL,
  id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  event_id uuid NOT NULL,
  item_id uuid,
  state text NOT NULL
    CONSTRAINT deliveries_state_check CHECK (state IN ('pending', 'sending', 'delivered', 'dead')),
  tries smallint NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  fence integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  lease_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  reason text,
  PRIMARY KEY (project_id, id),
  FOREIGN KEY (project_id, endpoint_id) REFERENCES webhook_endpoints (project_id, id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX deliveries_event_id ON deliveries (project_id, event_id, endpoint_id);
CREATE INDEX deliveries_unfinished ON deliveries (project_id, endpoint_id, state, next_attempt_at)
  WHERE state IN ('pending', 'sending');
CREATE INDEX deliveries_dead ON deliveries (project_id, endpoint_id, id) WHERE state = 'dead';
CREATE INDEX deliveries_item_id ON deliveries (project_id, item_id) WHERE item_id IS NOT NULL;
CREATE INDEX deliveries_log ON deliveries (project_id, endpoint_id, id);
CREATE TABLE delivery_attempts (
  project_id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  number integer NOT NULL,
  started_at timestamptz NOT NULL,
  seconds double precision NOT NULL,
  status smallint,
  request_headers json NOT NULL,
  response_headers json,
  response_body text,
  error text,
  PRIMARY KEY (project_id, delivery_id, number),
  FOREIGN KEY (project_id, delivery_id) REFERENCES deliveries (project_id, id)
)
"""


def upgrade() -> None:
    """Make the tables of webhooks."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables of webhooks, and with them the delivery log."""
    op.execute("DROP TABLE delivery_attempts, deliveries, webhook_secrets, webhook_endpoints")
