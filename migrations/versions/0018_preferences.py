"""How each person likes to work.

Revision ID: 0018
Revises: 0016
"""

from alembic import op

revision = "0018"
down_revision = "0016"


def upgrade() -> None:
    """Make room for preferences."""
    op.execute("ALTER TABLE users ADD COLUMN preferences jsonb NOT NULL DEFAULT '{}'")


def downgrade() -> None:
    """Forget what people prefer."""
    op.execute("ALTER TABLE users DROP COLUMN preferences")
