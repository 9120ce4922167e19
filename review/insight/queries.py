"""Every statement of the figures; they only read."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from review.kernel.db import Hot

# A review says the same as a decision where verdict and correction agree; jsonb, so that spaces and order do not count.
_SAME = "(r.verdict = {d}.verdict AND (r.verdict <> 'correct' OR r.output::jsonb = {d}.output::jsonb))"

# `last` is the decision that counts, `first` the one that people's reviews came to at first.
REVIEWERS = f"""
SELECT u.id, u.email, u.name, count(*) AS reviews,
  count(*) FILTER (WHERE has_company) AS compared,
  count(*) FILTER (WHERE has_company AND agrees) AS agreed,
  count(*) FILTER (WHERE stood) AS stood,
  count(*) FILTER (WHERE stood AND NOT agrees) AS overturned,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY held_seconds) AS median_seconds
FROM (
  SELECT r.reviewer_id, r.held_seconds, {_SAME.format(d="last")} AS agrees,
    coalesce({_SAME.format(d="first")}, false) AS stood,
    last.revision IS NOT NULL AND (last.source = 'override' OR EXISTS (SELECT FROM reviews o
      WHERE o.project_id = r.project_id AND o.case_id = r.case_id AND o.reviewer_id <> r.reviewer_id)) AS has_company
  FROM reviews r
  LEFT JOIN LATERAL (
    SELECT d.revision, d.verdict, d.output, d.source FROM decisions d
    WHERE d.project_id = r.project_id AND d.item_id = r.item_id ORDER BY d.revision DESC LIMIT 1) last ON true
  LEFT JOIN LATERAL (
    SELECT d.verdict, d.output FROM decisions d WHERE d.project_id = r.project_id AND d.item_id = r.item_id
      AND d.source IN ('review', 'consensus', 'adjudication') ORDER BY d.revision LIMIT 1) first ON true
  WHERE r.project_id = $1 AND r.submitted_at > now() - $2::interval
) judged JOIN users u ON u.id = judged.reviewer_id
GROUP BY u.id, u.email, u.name ORDER BY u.email
"""


async def list_reviewers(hot: Hot, project_id: UUID, within: timedelta) -> list[Any]:
    """Count what everybody's reviews of the last so long came to, by e-mail."""
    return await hot.fetch(REVIEWERS, project_id, within)
