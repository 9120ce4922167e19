"""What is known of a browser session: from where, by which way of signing in, and when it was last of use.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"

UP = """
ALTER TABLE sessions
  ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN origin text NOT NULL DEFAULT '',
  ADD COLUMN method text NOT NULL DEFAULT 'password',
  ADD COLUMN provider text,
  ADD COLUMN provider_session text;
CREATE INDEX sessions_provider_session ON sessions (provider, provider_session) WHERE provider_session IS NOT NULL
"""

DOWN = """
DROP INDEX sessions_provider_session;
ALTER TABLE sessions
  DROP COLUMN last_seen_at, DROP COLUMN origin, DROP COLUMN method, DROP COLUMN provider, DROP COLUMN provider_session
"""


def upgrade() -> None:
    """Add what is known of a session."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Forget it again; the sessions stay."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
