"""The statements that show the queue: pools at a glance, what somebody holds."""

# Capped: a full count took 60 ms at a million rows and 547 ms at ten million, this stays under one (PROMISES, A2).
SUMMARISE = """
SELECT p.pool, w.waiting, w.oldest, s.due_soon, h.held
FROM unnest($2::text[]) WITH ORDINALITY AS p(pool, n)
CROSS JOIN LATERAL (
  SELECT count(*) AS waiting, min(created_at) AS oldest FROM (
    SELECT created_at FROM assignments WHERE project_id = $1 AND pool = p.pool AND state = 'open'
    ORDER BY -priority, due_at, id LIMIT $4 + 1) head
) w
CROSS JOIN LATERAL (
  SELECT count(*) AS due_soon FROM (
    SELECT 1 FROM assignments WHERE project_id = $1 AND pool = p.pool AND state = 'open'
      AND due_at < 'infinity' AND due_at < now() + $5 LIMIT $4) soon
) s
CROSS JOIN LATERAL (
  SELECT count(*) AS held FROM assignments
  WHERE project_id = $1 AND pool = p.pool AND state = 'held' AND holder_id = $3
    AND aside_fence IS DISTINCT FROM fence AND ahead_fence IS DISTINCT FROM fence AND given_fence IS DISTINCT FROM fence
) h
ORDER BY p.n
"""

LIST_HELD = """
SELECT a.id, a.item_id, a.pool, a.fence, a.lease_until, i.type, i.external_id
FROM assignments a JOIN items i ON i.project_id = a.project_id AND i.id = a.item_id
WHERE a.project_id = $1 AND a.holder_id = $2 AND a.state = 'held' AND a.lease_until > now()
  AND a.aside_fence IS DISTINCT FROM a.fence
  AND a.ahead_fence IS DISTINCT FROM a.fence AND a.given_fence IS DISTINCT FROM a.fence
ORDER BY a.claimed_at
"""
