"""How mail and channels say that they could not send."""


class SendFailed(Exception):
    """A message was not sent; `reason` holds no secret, and `is_final` says that trying again is of no use."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final
