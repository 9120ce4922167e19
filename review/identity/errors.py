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


class SignInRefused(ReviewError):
    """The e-mail and password do not belong together, or the account is disabled; which, is not told."""

    code = "sign_in_refused"
    status = 401


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
