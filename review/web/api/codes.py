"""Every error code that an answer can carry, found in the code itself."""

from collections.abc import Iterator

import msgspec

from review.kernel.errors import ReviewError


class ErrorCode(msgspec.Struct, frozen=True):
    """One stable error code, the status that carries it, and what it means."""

    code: str
    status: int
    words: str


def error_codes() -> list[ErrorCode]:
    """Give every code that an answer can carry, in alphabetical order."""
    found = {each.code: each for each in OF_THE_FRAMEWORK} | {
        each.code: ErrorCode(each.code, each.status, (each.__doc__ or "").split("\n\n", 1)[0].strip())
        for each in _subclasses(ReviewError)
        if each.__module__.startswith("review.") and not each.__module__.startswith(ELSEWHERE)
    }
    return [found[code] for code in sorted(found)]


OF_THE_FRAMEWORK = (
    ErrorCode("address_too_long", 414, "The address is longer than the server reads."),
    ErrorCode("head_too_large", 431, "The headers are more, or larger, than the server reads."),
    ErrorCode("internal", 500, "Something broke inside; the log has it under the reference in `detail`."),
    ErrorCode("malformed", 400, "The request could not be read at all."),
    ErrorCode("method_not_allowed", 405, "The address takes other methods."),
    ErrorCode("not_found", 404, "There is nothing at this address."),
    ErrorCode("refused", 400, "The request was refused for a reason that has no code of its own."),
    ErrorCode("too_large", 413, "The body is larger than this service takes."),
    ErrorCode("too_slow", 408, "The request did not come in within the time that it may take."),
    ErrorCode("unsupported_media_type", 415, "The body is of a kind that this call does not take."),
)
ELSEWHERE = ("review.embedded", "review.cli", "review.kernel.settings")  # these speak on the command line only


def _subclasses(kind: type[ReviewError]) -> Iterator[type[ReviewError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)
