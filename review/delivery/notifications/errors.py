"""Refusals of notifications."""

from review.kernel.errors import ReviewError


class PreferencesInvalid(ReviewError):
    """What somebody wants to be told cannot be kept as it was sent."""

    code = "preferences_invalid"
    status = 422


class ChannelNotFound(ReviewError):
    """The configuration has no channel of that name."""

    code = "channel_not_found"
    status = 404


class MailNotSet(ReviewError):
    """A mail was asked for, and this installation has no mail server."""

    code = "mail_not_set"
    status = 409
