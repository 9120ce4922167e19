"""Stops that hold what they are of, or give it its declared fallback; and bringing back what rules decided.

Revision ID: 0031
Revises: 0030
"""

from alembic import op

revision = "0031"
down_revision = "0030"

# The check is only widened, so what is there fits it. Intake writes held_items, so it refers to nothing.
UP = """
ALTER TABLE stops
  DROP CONSTRAINT stops_way_check,
  ADD CONSTRAINT stops_way_check CHECK (way IN ('approvals', 'everything', 'fallback', 'hold')),
  ADD COLUMN afterwards text NOT NULL DEFAULT 'people'
    CONSTRAINT stops_afterwards_check CHECK (afterwards IN ('people', 'rules'));
ALTER TABLE bulk_acts
  DROP CONSTRAINT bulk_acts_kind_check,
  ADD CONSTRAINT bulk_acts_kind_check
    CHECK (kind IN ('decide', 'move', 'prioritise', 'give_back', 'bring_back'));
CREATE TABLE held_items (
  project_id uuid NOT NULL,
  item_id uuid NOT NULL,
  stop_id uuid NOT NULL,
  paused_at timestamptz,
  barred text[],
  next_try_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT held_items_pkey PRIMARY KEY (project_id, item_id)
);
CREATE INDEX held_items_stop ON held_items (project_id, stop_id, next_try_at, item_id);
CREATE INDEX stops_holding ON stops (project_id, id) WHERE way = 'hold'
"""

# What is held goes to people: the version before knows no item without a seat that is not waited for.
DOWN = """
INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state, barred)
SELECT c.project_id, gen_random_uuid(), c.id, c.item_id, 'review', c.pool, c.priority, 'infinity', 'open', h.barred
FROM held_items h JOIN cases c ON c.project_id = h.project_id AND c.item_id = h.item_id AND c.state = 'open'
CROSS JOIN LATERAL generate_series(1, c.reviews_required);
DROP TABLE held_items;
DROP INDEX stops_holding;
DELETE FROM bulk_items b USING bulk_acts a
  WHERE a.project_id = b.project_id AND a.id = b.act_id AND a.kind = 'bring_back';
DELETE FROM bulk_acts WHERE kind = 'bring_back';
ALTER TABLE bulk_acts
  DROP CONSTRAINT bulk_acts_kind_check,
  ADD CONSTRAINT bulk_acts_kind_check CHECK (kind IN ('decide', 'move', 'prioritise', 'give_back'));
UPDATE stops SET way = 'everything' WHERE way IN ('fallback', 'hold');
ALTER TABLE stops
  DROP COLUMN afterwards,
  DROP CONSTRAINT stops_way_check,
  ADD CONSTRAINT stops_way_check CHECK (way IN ('approvals', 'everything'))
"""


def upgrade() -> None:
    """Widen how things can be stopped."""
    for statement in UP.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    """Take it away; what is held goes to people, and so does what a stop would give its fallback."""
    for statement in DOWN.split(";\n"):
        op.execute(statement)
