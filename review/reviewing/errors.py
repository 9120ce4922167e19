"""Refusals about judgements."""

from review.kernel.errors import Invalid


class JudgementInvalid(Invalid):
    """The verdict, the corrected output, a reason or the comment cannot be taken."""

    code = "judgement_invalid"
