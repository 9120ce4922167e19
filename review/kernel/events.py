"""The facts that Countersign announces (docs/events.md)."""

from enum import StrEnum


class EventKind(StrEnum):
    """What happened; the value is the `type` that receivers see."""

    QUEUED = "item.queued"
    REOPENED = "item.reopened"
    CLAIMED = "item.claimed"
    DECIDED = "item.decided"
    WITHDRAWN = "item.withdrawn"
    ESCALATED = "item.escalated"
    RETURNED = "item.returned"
    MOVED = "item.moved"
    PRIORITISED = "item.prioritised"
    MENTIONED = "item.mentioned"
    COMMENTED = "item.commented"
    QUESTION_ASKED = "item.question_asked"
    QUESTION_ANSWERED = "item.question_answered"
    PAUSED = "item.paused"
    RESUMED = "item.resumed"
    SLA_WARNING = "item.sla_warning"
    SLA_BREACHED = "item.sla_breached"
    DECISION_REVISED = "decision.revised"
    SNAPSHOT_READY = "dataset.snapshot_ready"
    SNAPSHOT_FAILED = "dataset.snapshot_failed"
    SNAPSHOT_WITHDRAWN = "dataset.snapshot_withdrawn"
    ERASURE_ENDED = "erasure.ended"
    MODEL_SEEN = "model.seen"
    ROLLOUT_ENDED = "rollout.ended"
    WEBHOOK_TEST = "webhook.test"
