"""Local accounts: counted failures, known devices, one-time links, second factors, sign-ins that are half done.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"

UP = """
CREATE TABLE attempt_counters (
  key bytea PRIMARY KEY,
  failures integer NOT NULL,
  last_at timestamptz NOT NULL DEFAULT now(),
  blocked_until timestamptz
) WITH (fillfactor = 80);
CREATE TABLE known_devices (
  user_id uuid NOT NULL REFERENCES users (id),
  id bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, id)
);
CREATE TABLE password_links (
  id bytea PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX password_links_user_id ON password_links (user_id);
CREATE TABLE second_factors (
  user_id uuid PRIMARY KEY REFERENCES users (id),
  secret bytea NOT NULL,
  last_step bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  confirmed_at timestamptz
);
CREATE TABLE recovery_codes (
  user_id uuid NOT NULL REFERENCES users (id),
  id bytea NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (user_id, id)
);
CREATE TABLE sign_in_steps (
  id bytea PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id),
  kind text NOT NULL CONSTRAINT sign_in_steps_kind_check CHECK (kind IN ('code', 'setup')),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX sign_in_steps_user_id ON sign_in_steps (user_id)
"""


def upgrade() -> None:
    """Make the tables of local accounts."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Drop them; passwords stay, second factors are forgotten."""
    op.execute(
        "DROP TABLE sign_in_steps, recovery_codes, second_factors, password_links, known_devices, attempt_counters"
    )
