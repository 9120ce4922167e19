"""Reading request bodies strictly."""

from typing import TypeVar

from litestar.exceptions import ClientException

from review.kernel import strict_json
from review.kernel.errors import FieldError, Invalid
from review.web.services import AnyRequest

T = TypeVar("T")
MAX_KEY = 200


async def read(request: AnyRequest, kind: type[T], *, optional: bool = False) -> T:
    """Read a JSON body into a struct; with `optional` an empty body stands for `{}`.

    Raises:
        MalformedRequest (400); Invalid: a field is missing, unknown or wrong (422).
    """
    raw = await request.body()
    return strict_json.convert(strict_json.decode(raw if raw or not optional else b"{}"), kind)


def idempotency_key(request: AnyRequest) -> str | None:
    """Give the Idempotency-Key that a call came with.

    Raises:
        Invalid: it has the wrong form (422).
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not (1 <= len(key) <= MAX_KEY and key.isprintable()):
        message = f"The Idempotency-Key must have 1 to {MAX_KEY} printable characters; nothing was stored."
        raise Invalid(message, errors=(FieldError("Idempotency-Key", "has the wrong form"),))
    return key


def is_ndjson(request: AnyRequest) -> bool:
    """Tell whether the body is newline-delimited JSON.

    Raises:
        ClientException: it says that it is something else altogether (415).
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind in {"application/x-ndjson", "application/ndjson", "application/jsonl"}:
        return True
    if kind in {"application/json", "text/json", ""} or kind.endswith("+json"):
        return False
    raise ClientException(status_code=415, detail=f"The body is {kind}; send application/json or application/x-ndjson.")
