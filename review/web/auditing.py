"""The audit as its readers may hear it: one who has an item in hand is not told there what others said of it."""

from uuid import UUID

import msgspec

from review.audit import reading
from review.audit.queries import Wanted
from review.audit.schemas import EntryPage, EntryView
from review.identity.rules import Principal
from review.items import blindness
from review.items import service as items
from review.kernel.db import Hot
from review.kernel.sentences import say
from review.reviewing.errors import StillToJudge

HIDDEN = msgspec.Raw(b'{"hidden": "until you have judged the item yourself, or given it back"}')


async def search(hot: Hot, who: Principal, wanted: Wanted, *, cursor: str | None, limit: int) -> EntryPage:
    """Find entries, the newest first, without the words that might sway the caller's own judgement.

    A search for a text leaves those entries out, or it would tell what stands in them.

    Raises:
        Invalid: the cursor or a filter cannot be one of ours (422).
    """
    page = await reading.search(hot, who.project_id, wanted, cursor=cursor, limit=limit)
    unheard = await items.list_unheard(hot, who=who)
    if not unheard:
        return page
    told = [msgspec.structs.replace(each, details=HIDDEN) if _sways(each, who, unheard) else each for each in page.data]
    return EntryPage([each for each in told if wanted.text is None or each.details is not HIDDEN], page.next)


async def check_hearing(hot: Hot, who: Principal, item_id: UUID | None = None) -> None:
    """Let pass who may read every word of an item's entries, or of all.

    Raises:
        StillToJudge: they have the item in hand, or any, and are to judge it on their own (403).
    """
    unheard = await items.list_unheard(hot, who=who)
    if unheard if item_id is None else item_id in unheard:
        message = say(
            "You have an item in hand that you are to judge on your own, and this would tell you what others said of "
            "it. Nothing was changed; judge it, or give it back."
        )
        raise StillToJudge(message)


def _sways(entry: EntryView, who: Principal, unheard: frozenset[UUID]) -> bool:
    quotes = entry.action in blindness.ANSWERS or entry.action in blindness.WORDS
    return quotes and entry.item_id in unheard and entry.actor.id != who.id
