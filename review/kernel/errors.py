"""Errors that are part of the contract: a stable code, a status, and a sentence that says what to do."""

from typing import ClassVar

import msgspec
from msgspec.structs import force_setattr

from review.kernel.foreign import English
from review.kernel.sentences import Sentence


class FieldError(msgspec.Struct, frozen=True, dict=True):
    """One fault in a document somebody sent: where it is, and what is wrong there."""

    path: str
    message: str

    def __post_init__(self) -> None:
        """Keep a sentence apart, for what is sent and stored is plain English."""
        if isinstance(self.message, Sentence | English):
            vars(self)["said"] = self.message
            force_setattr(self, "message", str(self.message))

    @property
    def sentence(self) -> str:
        """The message as it was given, which pages say in their reader's language."""
        said: str = vars(self).get("said", self.message)
        return said


class ReviewError(Exception):
    """An expected refusal.

    Subclasses name the fact (`LeaseLost`) and set `code`, which clients match on and which never changes,
    and `status`, the HTTP status that carries it. `message` is plain English; `sentence` is the same as it was given,
    which pages say in their reader's language.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.sentence = message
        self.errors = errors


class NotFound(ReviewError):
    """What was asked for does not exist here, or is not the caller's to see."""

    code = "not_found"
    status = 404


class Invalid(ReviewError):
    """The request was understood and its content is wrong."""

    code = "invalid"
    status = 422


class MalformedRequest(ReviewError):
    """The request could not be read at all."""

    code = "malformed"
    status = 400


class Unavailable(ReviewError):
    """A part that Countersign stands on is away; the same request may succeed in a moment."""

    code = "unavailable"
    status = 503
