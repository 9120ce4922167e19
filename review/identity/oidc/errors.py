"""Refusals of signing in and out with an identity provider; none shows what the provider sent."""

from review.kernel.errors import NotFound, ReviewError


class ProviderNotFound(NotFound):
    """There is no identity provider of that name."""

    code = "provider_not_found"


class ProviderUnavailable(ReviewError):
    """The identity provider does not answer, or not as OpenID Connect asks of it."""

    code = "provider_unavailable"
    status = 503


class SignInNotCompleted(ReviewError):
    """The answer belongs to no sign-in that began in this browser, or the provider ended it."""

    code = "sign_in_not_completed"
    status = 400


class TokenRefused(ReviewError):
    """What the identity provider vouched with does not hold."""

    code = "token_refused"
    status = 401


class AccountNotAllowed(ReviewError):
    """The identity provider knows the person, and they may not come in here."""

    code = "account_not_allowed"
    status = 403


class EmailTaken(ReviewError):
    """The e-mail that the identity provider gave belongs to an account that it was never linked with."""

    code = "email_taken"
    status = 409


class IdentityTaken(ReviewError):
    """The identity at the provider belongs to another account here."""

    code = "identity_taken"
    status = 409


class LogoutRefused(ReviewError):
    """What an identity provider sent to end sessions does not hold; no session was ended."""

    code = "logout_refused"
    status = 400
