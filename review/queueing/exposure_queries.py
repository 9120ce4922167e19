"""The statements on what sensitive items people were shown."""

NOTE_SHOWN = """
INSERT INTO exposures (project_id, user_id, item_id, type) VALUES ($1, $2, $3, $4)
ON CONFLICT (project_id, user_id, item_id) DO UPDATE SET shown_at = now()
"""

LIST_SHOWN = """
SELECT type, shown_at, now() AS now FROM exposures
WHERE project_id = $1 AND user_id = $2 AND shown_at > now() - $3::interval
"""

LIST_ALL_SHOWN = """
SELECT u.email, e.type, e.shown_at, now() AS now FROM exposures e JOIN users u ON u.id = e.user_id
WHERE e.project_id = $1 AND e.shown_at > now() - $2::interval ORDER BY u.email
"""

FORGET_OLD = "DELETE FROM exposures WHERE shown_at < now() - $1::interval"
