"""Cursors: opaque to callers, a keyset position to us."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from uuid import UUID

from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say


def cursor_of(position: UUID) -> str:
    """Give the cursor that continues after this row."""
    return urlsafe_b64encode(position.bytes).rstrip(b"=").decode()


def position_of(cursor: str | None, *, field: str = "cursor") -> UUID | None:
    """Give the row a cursor continues after; `field` is what the caller knows it as.

    Raises:
        Invalid: the cursor is not one of ours (422).
    """
    if not cursor:
        return None
    try:
        return UUID(bytes=urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (NotBase64, ValueError) as fault:
        message = say("The cursor is not one that this service gave; start again without it.")
        raise Invalid(message, errors=(FieldError(field, say("is not a cursor")),)) from fault
