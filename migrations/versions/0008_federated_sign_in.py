"""Signing in with identity providers: identities by issuer and subject, sign-ins under way, what groups gave.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"

UP = """
CREATE TABLE user_identities (
  issuer text NOT NULL,
  subject text NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_identities_user_id ON user_identities (user_id);
CREATE TABLE sign_in_attempts (
  state_sha256 bytea PRIMARY KEY,
  browser_sha256 bytea NOT NULL,
  provider text NOT NULL,
  nonce text NOT NULL,
  verifier text NOT NULL,
  target text NOT NULL,
  link_to uuid REFERENCES users (id),
  expires_at timestamptz NOT NULL
);
CREATE TABLE logout_tokens (
  issuer text NOT NULL,
  jti text NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (issuer, jti)
);
ALTER TABLE memberships ADD COLUMN source text NOT NULL DEFAULT 'direct'
  CONSTRAINT memberships_source_check CHECK (source = 'direct' OR source LIKE 'oidc:_%');
ALTER TABLE pool_members DROP CONSTRAINT pool_members_source_check;
ALTER TABLE pool_members ADD CONSTRAINT pool_members_source_check
  CHECK (source IN ('config', 'direct') OR source LIKE 'oidc:_%')
"""

# What groups gave is given at the next sign-in, so it goes; what it was given beside stays.
DOWN = """
DELETE FROM pool_members WHERE source LIKE 'oidc:%';
ALTER TABLE pool_members DROP CONSTRAINT pool_members_source_check;
ALTER TABLE pool_members ADD CONSTRAINT pool_members_source_check CHECK (source IN ('config', 'direct'));
DELETE FROM memberships WHERE source LIKE 'oidc:%';
ALTER TABLE memberships DROP COLUMN source;
DROP TABLE logout_tokens, sign_in_attempts, user_identities
"""


def upgrade() -> None:
    """Add what is known of identities, and where memberships come from."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Forget identities and what providers gave; people, passwords and direct memberships stay."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
