"""Secrets that have to be read again, sealed with the operator's key before they are stored."""

from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from review.kernel.errors import ReviewError
from review.kernel.sentences import say
from review.kernel.settings import Settings

SEALED, PLAIN = b"fernet:", b"plain:"


class SecretUnreadable(ReviewError):
    """A stored secret was sealed with a key that this process was not given."""

    code: ClassVar[str] = "secret_unreadable"
    status: ClassVar[int] = 503


class Sealer:
    """Seals with the newest key and opens with any; without a key it stores as is, with a mark that says so."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None

    @classmethod
    def of(cls, settings: Settings) -> "Sealer":
        """Take the keys from settings, newest first; they were checked when they were read."""
        return cls(tuple(key.strip() for key in settings.secret_key.split(",") if key.strip()))

    def seal(self, secret: str) -> bytes:
        """Give what may be stored."""
        if self._fernet is None:
            return PLAIN + secret.encode()
        return SEALED + self._fernet.encrypt(secret.encode())

    def unseal(self, stored: bytes) -> str:
        """Give the secret back.

        Raises:
            SecretUnreadable: it was sealed with a key that is not among these (503).
        """
        if stored.startswith(PLAIN):
            return stored.removeprefix(PLAIN).decode()
        if self._fernet is not None:
            try:
                return self._fernet.decrypt(stored.removeprefix(SEALED)).decode()
            except InvalidToken:
                pass
        message = say(
            "A stored secret cannot be opened: it was sealed with a key that REVIEW_SECRET_KEY does not hold. Nothing "
            "was changed. Give the key back, or rotate the secret."
        )
        raise SecretUnreadable(message)


def new_sealing_key() -> str:
    """Make a key: 32 random bytes in URL-safe base64."""
    return Fernet.generate_key().decode()
