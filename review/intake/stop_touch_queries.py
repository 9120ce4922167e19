"""Every statement about what a stop touches."""

from typing import Final

from review.intake.stop_queries import TOUCHES

LOOKS: Final = 2_000  # items, whose bodies are read
MOST_DECIDED: Final = 50
MOST_HELD: Final = 20
MOST_LOOKED: Final = 20_000  # for what is to be brought back; a second or two
MOST_MODELS: Final = 50

# The newest items by their id, which begins with the time at which they came.
_TOUCHED = f"""
WITH looked AS MATERIALIZED (
  SELECT id, type, state, created_at FROM items WHERE project_id = $1 ORDER BY id DESC LIMIT {LOOKS}
), touched AS MATERIALIZED (
  SELECT i.id, i.type, i.state, i.created_at, b.route ->> 'action' AS action, b.route ->> 'rule' AS rule
  FROM looked i JOIN item_bodies b ON b.project_id = $1 AND b.item_id = i.id
  CROSS JOIN (SELECT $2::text AS kind, $3::text AS subject) s WHERE {TOUCHES}
)
"""
COUNT = f"""{_TOUCHED}
SELECT count(*) FILTER (WHERE created_at > now() - interval '1 hour') AS hour,
       count(*) FILTER (WHERE created_at > now() - interval '1 day') AS day,
       count(*) FILTER (WHERE state = 'open') AS open,
       (SELECT count(*) FROM looked) AS looked
FROM touched
"""
DECIDED = f"""{_TOUCHED}
SELECT id, type, rule, created_at FROM touched
WHERE action = 'approve' AND created_at > coalesce($4::timestamptz, now()) - $5::interval
  AND created_at <= coalesce($4::timestamptz, now())
ORDER BY id DESC LIMIT {MOST_DECIDED + 1}
"""
HELD = f"""
SELECT i.id, i.type, b.route ->> 'rule' AS rule, i.created_at
FROM held_items h JOIN items i ON i.project_id = h.project_id AND i.id = h.item_id AND i.state = 'open'
JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE h.project_id = $1 AND h.stop_id = $2 ORDER BY h.next_try_at, h.item_id LIMIT {MOST_HELD}
"""
# The newest that are decided, so that what is back with people already is not looked at again.
LET_THROUGH = f"""
WITH looked AS MATERIALIZED (
  SELECT id, type, state, created_at FROM items
  WHERE project_id = $1 AND state = 'decided' AND created_at > coalesce($4::timestamptz, now()) - $5::interval
    AND created_at <= coalesce($4::timestamptz, now())
  ORDER BY id DESC LIMIT {MOST_LOOKED}
)
SELECT i.id FROM looked i JOIN item_bodies b ON b.project_id = $1 AND b.item_id = i.id
CROSS JOIN (SELECT $2::text AS kind, $3::text AS subject) s
WHERE {TOUCHES} AND b.route ->> 'action' = 'approve'
  AND NOT EXISTS (SELECT FROM cases c WHERE c.project_id = $1 AND c.item_id = i.id)
  AND (SELECT d.source FROM decisions d WHERE d.project_id = $1 AND d.item_id = i.id
       ORDER BY d.revision DESC LIMIT 1) = 'rule'
ORDER BY i.id DESC LIMIT $6
"""
MODELS = f"""
SELECT DISTINCT b.details -> 'model' ->> 'name' AS name, b.details -> 'model' ->> 'version' AS version
FROM (SELECT id FROM items WHERE project_id = $1 ORDER BY id DESC LIMIT {LOOKS}) i
JOIN item_bodies b ON b.project_id = $1 AND b.item_id = i.id
WHERE b.details -> 'model' ->> 'name' IS NOT NULL ORDER BY name, version LIMIT {MOST_MODELS}
"""
OF_ITEM = """
SELECT i.type, b.submitted_by ->> 'id' AS sender, b.route ->> 'rule' AS rule, b.details -> 'model' ->> 'name' AS name,
       b.details -> 'model' ->> 'version' AS version
FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE i.project_id = $1 AND i.id = $2
"""
