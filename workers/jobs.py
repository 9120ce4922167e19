"""The jobs; each finds its own work in PostgreSQL, so running one twice, or late, does no harm."""

from typing import Any

from review.bulk import service as bulk
from review.configuration import lists
from review.delivery.notifications import service as notifications
from review.feedback import service as feedback
from review.identity import accounts, sessions
from review.identity.oidc import service as oidc
from review.imports import uploading
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing import exposure, pinning
from review.rehearsal import service as rehearsal
from review.reviewing import drafts, pending
from review.rollout import service as rollout


async def position_feedback(ctx: dict[Any, Any]) -> int:
    """Give places in the feed to feedback that has none yet; readers do the same when they come first."""
    db: Database = ctx["db"]
    return await feedback.sequence_everything(db)


async def end_expired_sessions(ctx: dict[Any, Any]) -> int:
    """Forget sessions that have run out; they have not been good for anything since."""
    db: Database = ctx["db"]
    async with db.transaction() as tx:
        return await sessions.end_expired_sessions(tx)


async def forget_sign_in_attempts(ctx: dict[Any, Any]) -> int:
    """Forget sign-ins that never came back from their provider, and logout tokens too old to come again."""
    db: Database = ctx["db"]
    async with db.transaction() as tx:
        return await oidc.forget_stale(tx)


async def forget_old_attempts(ctx: dict[Any, Any]) -> int:
    """Forget failed attempts of long ago, and links and half-done sign-ins that have run out."""
    db: Database = ctx["db"]
    async with db.transaction() as tx:
        return await accounts.forget_old(tx)


async def forget_dropped_judgements(ctx: dict[Any, Any]) -> int:
    """Forget judgements that could not be counted long ago; the audit keeps that they were given."""
    db: Database = ctx["db"]
    async with db.transaction() as tx:
        return await pending.forget_old(tx)


async def forget_old_notifications(ctx: dict[Any, Any]) -> int:
    """Forget notifications that were settled long ago."""
    db: Database = ctx["db"]
    return await notifications.forget_old(db.hot)


async def forget_old_drafts(ctx: dict[Any, Any]) -> int:
    """Forget drafts that nobody touched for 30 days, words and marks left with seats that long ago, and what was shown.

    What was shown to whom is kept for a day.
    """
    db: Database = ctx["db"]
    return await drafts.forget_old(db.hot) + await pinning.forget_old(db.hot) + await exposure.forget_old(db.hot)


async def forget_old_backtests(ctx: dict[Any, Any]) -> int:
    """Forget backtests that were over long ago; the audit keeps that they were begun."""
    db: Database = ctx["db"]
    settings: Settings = ctx["settings"]
    return await rehearsal.forget_old(db.hot, settings.backtests_kept)


async def forget_old_rollout_items(ctx: dict[Any, Any]) -> int:
    """Forget single items of rollouts that ended long ago; the rollouts stay, with their counts."""
    db: Database = ctx["db"]
    return await rollout.forget_old(db.hot)


async def forget_old_bulk_items(ctx: dict[Any, Any]) -> int:
    """Forget what became of each item of acts on many that ended long ago; the acts stay, with their counts."""
    db: Database = ctx["db"]
    settings: Settings = ctx["settings"]
    return await bulk.forget_old(db.hot, settings.bulk_kept)


async def forget_rows_left_out(ctx: dict[Any, Any]) -> int:
    """Forget the rows that imports left out which ended long ago; the imports stay, with their counts."""
    db: Database = ctx["db"]
    settings: Settings = ctx["settings"]
    return await uploading.forget_left_out(db.hot, settings.imports_kept)


async def forget_unnamed_lists(ctx: dict[Any, Any]) -> int:
    """Forget long lists that came a week ago and that no version of the configuration names."""
    db: Database = ctx["db"]
    return await lists.forget_unnamed(db.hot)
