"""Finding items by what a person remembers of them: the id, the external id, the subject."""

from typing import Final
from uuid import UUID

import msgspec

from review.identity.rules import Principal
from review.items import queries
from review.items.personal import HIDDEN
from review.kernel.db import Hot

MAX_QUERY: Final = 200
MAX_FOUND: Final = 20
_LAST: Final = "\U0010ffff"  # sorts behind every character that text may hold


class FoundItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that somebody may have meant."""

    id: UUID
    type: str
    state: str
    external_id: str | None
    subject: str | None


async def find_items(hot: Hot, *, who: Principal, query: str) -> list[FoundItem]:
    """Find items whose id this is, or whose external id or subject begins with it, newest first.

    Looks at a bounded number of those near in each index, and shows what the caller may see.
    """
    wanted = query.strip()[:MAX_QUERY].replace("\0", "")
    if not wanted:
        return []
    rows = await queries.find_named(hot, who, wanted, wanted + _LAST, _as_id(wanted), MAX_FOUND)
    found = [FoundItem(**dict(row)) for row in rows]
    return [
        msgspec.structs.replace(each, subject=HIDDEN) if each.subject and _hides_subject(who, each.type) else each
        for each in found
    ]


def _hides_subject(who: Principal, item_type: str) -> bool:
    return "subject" in who.hidden_of(item_type)


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
