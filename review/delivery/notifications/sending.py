"""What a way of sending promises, and how it says that it could not."""

from typing import Protocol

from review.delivery.notifications.schemas import Message


class SendFailed(Exception):
    """A message was not sent; `reason` holds no secret, and `is_final` says that trying again is of no use."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


class Way(Protocol):
    """A way of sending: mail, or a channel."""

    async def send(self, address: str, message: Message, reference: str) -> None:
        """Send within a bounded time; `reference` is the same at every attempt.

        Raises:
            SendFailed: it was not taken, or not in time.
        """
        ...
