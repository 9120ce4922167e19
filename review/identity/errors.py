"""Refusals about who is calling."""

from review.kernel.errors import Invalid, NotFound, ReviewError


class NotAuthenticated(ReviewError):
    """No key or session, or one that is unknown, expired or revoked."""

    code = "not_authenticated"
    status = 401


class NotPermitted(ReviewError):
    """The caller is known and may not do this."""

    code = "not_permitted"
    status = 403


class NotAPerson(ReviewError):
    """A service key asked for what only a person may do."""

    code = "not_a_person"
    status = 403


class SignInRefused(ReviewError):
    """The e-mail and password do not belong together, or the account is disabled; which, is not told."""

    code = "sign_in_refused"
    status = 401

    def __init__(self, message: str, *, failures: int = 0) -> None:
        super().__init__(message)
        self.failures = failures  # in a row; for the audit, which is told of ever fewer of them


class TooManyAttempts(ReviewError):
    """So many attempts have failed that the next one has to wait; `seconds` says how long."""

    code = "too_many_attempts"
    status = 429

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class CodeRefused(ReviewError):
    """A one-time code is wrong, used already or too old."""

    code = "code_refused"
    status = 401


class PasskeyRefused(ReviewError):
    """A passkey is unknown, its answer is wrong or late, or the account is disabled; which, is not told."""

    code = "passkey_refused"
    status = 401


class StepGone(ReviewError):
    """A sign-in that was half done has run out, or was never begun."""

    code = "sign_in_run_out"
    status = 401


class LinkNotGood(ReviewError):
    """A link to a new password is unknown, was used or has run out."""

    code = "link_not_good"
    status = 410


class SecondFactorConflict(ReviewError):
    """A second factor cannot be changed in this way as it stands."""

    code = "second_factor_conflict"
    status = 409


class UserNotFound(NotFound):
    """Nobody has this e-mail, or they are not in the project."""

    code = "user_not_found"


class CrossSiteRequest(ReviewError):
    """A form came from another site, or without the session's token."""

    code = "cross_site"
    status = 403


class ProjectNotFound(NotFound):
    """There is no such project, or the caller is not in it."""

    code = "project_not_found"


class UserExists(ReviewError):
    """The person is already known with another password or role."""

    code = "user_exists"
    status = 409


class IdentityInvalid(Invalid):
    """A name, e-mail, role or password cannot be used."""

    code = "identity_invalid"


class PersonNotFound(NotFound):
    """Nobody with this id is in the project."""

    code = "person_not_found"


class KeyNotFound(NotFound):
    """There is no such key or token, or it is somebody else's."""

    code = "key_not_found"


class KeyEnded(ReviewError):
    """The key or token is revoked, expired or rotated already, so it cannot be rotated."""

    code = "key_ended"
    status = 409


class LastAdmin(ReviewError):
    """The project would be left without anybody who may change its configuration."""

    code = "last_admin"
    status = 409
