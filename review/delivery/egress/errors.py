"""Why a call was not made, or came to nothing."""


class CallRefused(Exception):
    """The call was not made: where it would have gone is not allowed, or is no address at all."""
