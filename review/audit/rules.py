"""Who can act, and what there is to be done: the vocabulary of the audit."""

from enum import StrEnum
from uuid import UUID

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """Whoever acted: `kind` is user, key, rule, timer or operator (the command line).

    `origin` is the address they called from, and `config_version` the configuration they saw, where there are such.
    """

    kind: str
    id: UUID | None
    name: str
    origin: str = ""
    config_version: int | None = None


def timer_by(config_version: int) -> Actor:
    """Give the timer as an actor that went by this configuration."""
    return msgspec.structs.replace(TIMER, config_version=config_version)


RULE = Actor("rule", None, "rule")
TIMER = Actor("timer", None, "timer")
OPERATOR = Actor("operator", None, "operator")


class Action(StrEnum):
    """The acts that leave an entry."""

    ITEM_SUBMITTED = "item.submitted"
    ITEM_DECIDED = "item.decided"
    ITEM_IMPORTED = "item.imported"
    ITEM_WITHDRAWN = "item.withdrawn"
    ITEM_RELEASED = "item.released"
    ITEM_REOPENED = "item.reopened"
    ITEM_ERASED = "item.erased"
    DECISION_OVERRIDDEN = "decision.overridden"
    ASSIGNMENT_CLAIMED = "assignment.claimed"
    ASSIGNMENT_RESERVED = "assignment.reserved"
    ASSIGNMENT_RELEASED = "assignment.released"
    ASSIGNMENT_SKIPPED = "assignment.skipped"
    ASSIGNMENT_SNOOZED = "assignment.snoozed"
    ASSIGNMENT_RETURNED = "assignment.returned"
    ASSIGNMENT_TAKEN_UP = "assignment.taken_up"
    ASSIGNMENT_SENT_BACK = "assignment.sent_back"
    ASSIGNMENT_LAPSED = "assignment.lapsed"
    ASSIGNMENT_REASSIGNED = "assignment.reassigned"
    ASSIGNMENT_REFUSED = "assignment.refused"
    CASE_ESCALATED = "case.escalated"
    CASE_BREACHED = "case.breached"
    CASE_WARNED = "case.warned"
    CASE_MOVED = "case.moved"
    CASE_PRIORITISED = "case.prioritised"
    CLOCK_PAUSED = "clock.paused"
    CLOCK_RESUMED = "clock.resumed"
    CLOCK_MOVED = "clock.moved"
    CLOCK_STALE = "clock.stale"
    STEP_TAKEN = "escalation.step_taken"
    STEP_SKIPPED = "escalation.step_skipped"
    ESCALATION_ACKNOWLEDGED = "escalation.acknowledged"
    ENDPOINT_CHANGED = "webhook.changed"
    ENDPOINT_TESTED = "webhook.tested"
    SIGNING_SHOWN = "webhook.secret_shown"
    SIGNING_ROTATED = "webhook.secret_rotated"
    DELIVERIES_REPLAYED = "webhook.replayed"
    CHANNEL_CHANGED = "channel.changed"
    JUDGEMENT_GIVEN = "judgement.given"
    JUDGEMENT_TAKEN_BACK = "judgement.taken_back"
    JUDGEMENT_DROPPED = "judgement.dropped"
    REVIEW_SUBMITTED = "review.submitted"
    ITEM_COMMENTED = "item.commented"
    COMMENT_EDITED = "comment.edited"
    COMMENT_REMOVED = "comment.removed"
    QUESTION_ASKED = "question.asked"
    QUESTION_ANSWERED = "question.answered"
    QUESTION_LAPSED = "question.lapsed"
    ADJUDICATION_OPENED = "adjudication.opened"
    LEAD_ASKED = "lead.asked"
    OVERRIDE_PROPOSED = "override.proposed"
    OVERRIDE_WITHDRAWN = "override.withdrawn"
    BULK_REQUESTED = "bulk.requested"
    BULK_UNDONE = "bulk.undone"
    BULK_TAKEN = "bulk.taken"
    BULK_ENDED = "bulk.ended"
    BULK_STOPPED = "bulk.stopped"
    VIEW_SHARED = "view.shared"
    VIEW_REMOVED = "view.removed"
    SOURCE_STOPPED = "source.stopped"
    SOURCE_RESUMED = "source.resumed"
    CONFIG_APPLIED = "config.applied"
    MODEL_SEEN = "model.seen"
    MODEL_CLEARED = "model.cleared"
    MODEL_REVOKED = "model.revoked"
    BACKTEST_BEGUN = "backtest.begun"
    BACKTEST_STOPPED = "backtest.stopped"
    DATASET_CREATED = "dataset.created"
    DATASET_CHANGED = "dataset.changed"
    SCHEDULE_SET = "dataset.schedule_set"
    SCHEDULE_REMOVED = "dataset.schedule_removed"
    SNAPSHOT_BEGUN = "snapshot.begun"
    SNAPSHOT_STOPPED = "snapshot.stopped"
    SNAPSHOT_READ = "snapshot.read"
    SNAPSHOT_READY = "snapshot.ready"
    SNAPSHOT_FAILED = "snapshot.failed"
    CONFIG_PROPOSED = "config.proposed"
    CONFIG_APPROVED = "config.approved"
    CONFIG_WITHDRAWN = "config.withdrawn"
    ROLLOUT_STARTED = "rollout.started"
    ROLLOUT_CHANGED = "rollout.changed"
    ROLLOUT_ENDED = "rollout.ended"
    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_REMOVED = "user.removed"
    FEEDBACK_EXPORTED = "feedback.exported"
    FEEDBACK_IMPORTED = "feedback.imported"
    IMPORT_STOPPED = "import.stopped"
    IMPORT_ENDED = "import.ended"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_ERASED = "audit.erased"
    ERASURE_REQUESTED = "erasure.requested"
    ERASURE_ENDED = "erasure.ended"
    IDENTITY_LINKED = "identity.linked"
    IDENTITY_UNLINKED = "identity.unlinked"
    MEMBERSHIP_CHANGED = "membership.changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    SIGNED_IN = "session.opened"
    SIGN_IN_REFUSED = "session.refused"
    SIGNED_OUT = "session.ended"
    SESSIONS_REVOKED = "session.revoked"
    LINK_MADE = "password.link_made"
    LOGIN_CHANGED = "password.changed"
    SECOND_FACTOR_ADDED = "second_factor.added"
    SECOND_FACTOR_REMOVED = "second_factor.removed"
    RECOVERY_CODES_MADE = "second_factor.recovery_codes_made"
    RECOVERY_CODE_USED = "second_factor.recovery_code_used"
    PASSKEY_ADDED = "passkey.added"
    PASSKEY_REMOVED = "passkey.removed"
    PASSKEY_REFUSED = "passkey.refused"
