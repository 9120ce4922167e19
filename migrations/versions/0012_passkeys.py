"""Passkeys, and the challenges that they are asked to answer.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"

UP = """
CREATE TABLE passkeys (
  id bytea PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id),
  public_key bytea NOT NULL,
  sign_count bigint NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz
);
CREATE INDEX passkeys_user_id ON passkeys (user_id);
CREATE TABLE passkey_challenges (
  id bytea PRIMARY KEY,
  user_id uuid REFERENCES users (id),
  challenge bytea NOT NULL,
  expires_at timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_user_id ON passkey_challenges (user_id)
"""


def upgrade() -> None:
    """Make the tables of passkeys."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Forget passkeys; whoever has nothing else needs a link to a password."""
    op.execute("DROP TABLE passkey_challenges, passkeys")
