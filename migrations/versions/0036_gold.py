"""Gold: items whose answer was known before anybody was asked.

Revision ID: 0036
Revises: 0033
"""

from alembic import op

revision = "0036"
down_revision = "0033"


def upgrade() -> None:
    """Add the column, by itself, to the table that every request writes; the default is kept once and not in rows."""
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE items ADD COLUMN IF NOT EXISTS gold boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Take it away; records in the feed still say which were gold."""
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE items DROP COLUMN IF EXISTS gold")
