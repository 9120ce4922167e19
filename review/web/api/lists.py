"""Lists of items as a filter asks for them, the same that the pages show, with how many there are."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, QueryParameter

from review.identity.rules import Permission
from review.queueing import listing, listing_rules
from review.queueing.listing import Holding, ItemLine
from review.queueing.listing_rules import Wanted
from review.web.guards import requires
from review.web.services import Svc, Who

Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=listing.MOST_LINES)]
Share = FromQuery[float | None]
Word = FromQuery[str]


class QueueItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a list.

    `priority`, `pool` and `due_at` are those of what is to be done about it, null where nothing is. `input` and
    `output` are null where they are too large for a list. `holders` have it in hand; their e-mail is blank to whoever
    judges blind.
    """

    id: UUID
    type: str
    external_id: str | None
    status: str
    pool: str | None
    priority: int | None
    due_at: datetime | None
    escalation_level: int
    reviews_required: int
    confidence: float | None
    input: msgspec.Raw | None
    output: msgspec.Raw | None
    holders: tuple[Holding, ...]
    created_at: datetime
    closed_at: datetime | None


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list; `count` is that of the whole list, told with its first page, and stops at 1,000 (`is_capped`).

    `looked` is null where everything was looked at. Otherwise only so many rows were, in the list's order, and what
    matches further on is in neither the lines nor the count; `next` goes on behind them, where it can.
    """

    data: list[QueueItem]
    count: int | None
    is_capped: bool
    looked: int | None
    next: str | None


def read_filter(  # noqa: PLR0913  one for each filter that there is, by its name in the contract
    *,
    status: Word = "",
    type: Word = "",  # noqa: A002  the contract's name
    tag: Word = "",
    impact: Word = "",
    confidence_from: Share = None,
    confidence_to: Share = None,
    model: Word = "",
    rule: Word = "",
    external_id: Word = "",
    subject: Word = "",
    text: Word = "",
    holder: Word = "",
    due: Word = "",
    source: Word = "",
    escalated: Word = "",
    pool: Word = "",
    sort: Word = "",
) -> Wanted:
    """Read the filter of a list.

    Raises:
        Invalid: it cannot be asked for (422).
    """
    given: dict[str, Any] = locals()
    pairs = [(name, str(value)) for name, value in given.items() if value not in {"", None}]
    return listing_rules.read(pairs)


Filter: TypeAlias = NamedDependency[Wanted]


@get(
    "/queue",
    opt=requires(Permission.READ_ITEMS),
    dependencies={"wanted": Provide(read_filter, sync_to_thread=False)},
)
async def list_queue(
    services: Svc, who: Who, wanted: Filter, cursor: FromQuery[str] = "", limit: Limit = 50
) -> QueuePage:
    """List items by any filter and in any order that the pages have; open ones, most urgent first, where none is given.

    `status` is `open`, `waiting`, `held`, `decided`, `withdrawn` or `any`; `sort` is `urgent`, `due`, `oldest`,
    `newest`, `confidence` or `doubt`.
    """
    config = await services.config_of(who)
    place = listing_rules.place_of(cursor)
    found = await listing.look(services.db.hot, who=who, config=config, wanted=wanted, after=place, limit=limit)
    return QueuePage(
        data=[_item(line) for line in found.lines],
        count=found.count if place is None else None,
        is_capped=place is None and found.is_capped,
        looked=found.looked,
        next=None if found.next is None else found.next.mark(),
    )


def _item(line: ItemLine) -> QueueItem:
    given = {
        name: getattr(line, name) for name in QueueItem.__struct_fields__ if name not in {"id", "escalation_level"}
    }
    return QueueItem(id=line.item_id, escalation_level=line.level, **given)
