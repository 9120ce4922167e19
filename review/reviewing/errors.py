"""Refusals about judgements."""

from review.kernel.errors import Invalid, NotFound, ReviewError


class JudgementInvalid(Invalid):
    """The verdict, the corrected output, a reason or the comment cannot be taken."""

    code = "judgement_invalid"


class VerdictNotAllowed(ReviewError):
    """The people of this pool may not give this verdict."""

    code = "verdict_not_allowed"
    status = 403


class ConflictOfInterest(ReviewError):
    """The item concerns the caller, so they may not judge it."""

    code = "conflict_of_interest"
    status = 403


class StillToJudge(ReviewError):
    """The caller has the item in hand, and others' answers are not for them before their own is in."""

    code = "still_to_judge"
    status = 403


class UndoTooLate(ReviewError):
    """A judgement that is to be taken back counts already, or came to nothing."""

    code = "undo_too_late"
    status = 409


class OverrideNotFound(NotFound):
    """No override of the item waits for a second person, or not this one."""

    code = "override_not_found"


class OverridePending(ReviewError):
    """An override of the item waits for a second person already."""

    code = "override_pending"
    status = 409


class OverrideOutdated(ReviewError):
    """The item was decided anew since the override was proposed."""

    code = "override_outdated"
    status = 409


class SecondPersonNeeded(ReviewError):
    """Whoever proposed an override cannot confirm it too."""

    code = "second_person_needed"
    status = 403


class DraftOvertaken(ReviewError):
    """The same person has saved a newer draft of the item elsewhere."""

    code = "draft_overtaken"
    status = 409


class DraftTooLarge(ReviewError):
    """What was typed is more than a draft may hold."""

    code = "draft_too_large"
    status = 413
