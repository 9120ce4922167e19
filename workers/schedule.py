"""arq as it is used here: schedules and wake-ups, with a JSON serializer; it may lose anything at any time."""

from typing import Any

import msgspec
from arq import cron
from arq.connections import RedisSettings
from arq.worker import Worker

from review.kernel.db import Database
from review.kernel.settings import Settings
from workers import jobs

QUEUE = "countersign:jobs"
POSITION_SECONDS = set(range(0, 60, 5))


def build(settings: Settings, db: Database) -> Worker:
    """Make a worker that runs the schedules; every job is tried once, for the next turn finds what it left."""
    return Worker(
        functions=[],
        cron_jobs=[
            cron(jobs.position_feedback, second=POSITION_SECONDS, max_tries=1, keep_result=0),
            cron(jobs.end_expired_sessions, minute=7, max_tries=1, keep_result=0),
            cron(jobs.forget_sign_in_attempts, minute=set(range(3, 60, 10)), max_tries=1, keep_result=0),
            cron(jobs.forget_old_attempts, minute=37, max_tries=1, keep_result=0),
            cron(jobs.forget_dropped_judgements, minute=29, max_tries=1, keep_result=0),
            cron(jobs.forget_old_notifications, minute=23, max_tries=1, keep_result=0),
            cron(jobs.forget_old_drafts, minute=51, max_tries=1, keep_result=0),
            cron(jobs.forget_old_backtests, minute=47, max_tries=1, keep_result=0),
            cron(jobs.forget_old_bulk_items, minute=43, max_tries=1, keep_result=0),
            cron(jobs.forget_old_rollout_items, minute=set(range(1, 60, 5)), max_tries=1, keep_result=0),
            cron(jobs.forget_rows_left_out, minute=19, max_tries=1, keep_result=0),
            cron(jobs.forget_unnamed_lists, minute=13, max_tries=1, keep_result=0),
        ],
        redis_settings=RedisSettings.from_dsn(settings.redis_url),
        queue_name=QUEUE,
        ctx={"db": db, "settings": settings},
        job_serializer=_encode,
        job_deserializer=msgspec.json.decode,
        handle_signals=False,
        max_jobs=4,
        keep_result=0,
        health_check_interval=60,
        log_results=False,
    )


def _encode(job: dict[str, Any]) -> bytes:
    """Write a job as JSON; pickle, arq's own choice, would let whoever writes to Redis run code here."""
    return msgspec.json.encode(job, enc_hook=str)
