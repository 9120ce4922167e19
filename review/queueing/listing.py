"""Lists of items as a filter asks for them: one bounded stretch of an index at a time, and how far it was followed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.identity.rules import Permission, Principal
from review.items.personal import hidden_raw
from review.kernel.db import Hot
from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say
from review.queueing import due, listing_queries
from review.queueing.listing_queries import COUNT_CAP, Asked
from review.queueing.listing_rules import FOREVER, FOREVER_YEAR, Place, Plan, Source, Wanted, plan_of

MOST_LINES = 200
SEARCHED = {"text": "input", "subject": "subject"}  # what looks into payloads, and where it looks


class Holding(msgspec.Struct, frozen=True):
    """Who has an item in hand, by e-mail, and since when; the e-mail is blank to whoever may not know."""

    email: str
    since: datetime


class ItemLine(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a list; `input` and `output` are None where they are too large to be shown in a line."""

    item_id: UUID
    seat_id: UUID | None
    kind: str | None
    type: str
    external_id: str | None
    status: str
    pool: str | None
    priority: int | None
    due_at: datetime | None
    created_at: datetime
    closed_at: datetime | None
    input: msgspec.Raw | None
    output: msgspec.Raw | None
    confidence: float | None
    level: int
    reviews_required: int
    holders: tuple[Holding, ...] = ()
    place: Place


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list, how many items it has in all, and from where the next page goes on.

    `count` stops at `COUNT_CAP`, and `is_capped` says that it did. `looked` is how many rows of `plan.source` were
    looked at where that was not all of them: then what matches further on is in neither the lines nor the count.
    """

    lines: list[ItemLine]
    plan: Plan
    count: int
    is_capped: bool
    looked: int | None
    next: Place | None


async def look(
    hot: Hot,
    *,
    who: Principal,
    config: ProjectConfig,
    wanted: Wanted,
    after: Place | None = None,
    limit: int,
    pools: list[str] | None = None,
) -> Listed:
    """List the items that a filter asks for, within the caller's pools; the count is that of the whole list.

    Behind a place only what is further on is counted. `pools` are the caller's, where they are known already.

    Raises:
        Invalid: the filter names a pool that is not the caller's to see, or a holder they may not know of (422).
    """
    pools = _within(wanted, await due.pools_of(hot, who=who, config=config) if pools is None else pools)
    named = _with_holder(who, wanted)
    _check_place(wanted, after)
    plan = plan_of(named)
    sees_all = not who.is_pool_bound and not wanted.pool
    unsearched = list_unsearched(who, named)
    asked = Asked(named, plan, pools=pools, sees_all=sees_all, after=after, limit=limit, unsearched=unsearched)
    most = COUNT_CAP + 1 if after is None else limit + 1
    rows = await listing_queries.look(hot, who.project_id, asked, most=most)
    lines = [_line(row, who, named) for row in rows if row["item_id"] is not None]
    return _listed(rows[0], lines, plan, limit=limit, most=most)


async def find(
    hot: Hot, *, who: Principal, config: ProjectConfig, wanted: Wanted, limit: int = COUNT_CAP
) -> list[UUID]:
    """Give the items that a filter asks for, in its order: as many as the list counts, so 1,000 at most.

    Raises:
        Invalid: as `look` (422).
    """
    listed = await look(hot, who=who, config=config, wanted=wanted, limit=limit)
    return [line.item_id for line in listed.lines]


def _within(wanted: Wanted, pools: list[str]) -> list[str]:
    if not wanted.pool:
        return pools
    if wanted.pool not in pools:
        message = say("There is no pool %(pool)s here that you may see; nothing was read.", pool=repr(wanted.pool))
        raise Invalid(message, errors=(FieldError("pool", say("is none of your pools")),))
    return [wanted.pool]


def _with_holder(who: Principal, wanted: Wanted) -> Wanted:
    """Put the caller's own e-mail for `me`; who else has what is not for those who judge blind."""
    holder = who.email if wanted.holder == "me" else wanted.holder.lower()
    if holder and who.is_blind and holder != who.email:
        message = say(
            "Who has which item is not shown to those who judge it; nothing was read. Ask for `me`, or for none."
        )
        raise Invalid(message, errors=(FieldError("holder", say("is me, for you")),))
    return msgspec.structs.replace(wanted, holder=holder)


def _check_place(wanted: Wanted, after: Place | None) -> None:
    if after is None:
        return
    kinds = listing_queries.ORDERS[wanted.order][2]
    fits = (after.at is not None) == ("timestamptz" in kinds) and (after.key is not None) == (
        len(kinds) - (after.at is not None) > 1
    )
    if not fits or ("smallint" in kinds and not _is_priority(after.key)):
        message = say("The place in the list is of another order than the one asked for; start again without it.")
        raise Invalid(message, errors=(FieldError("after", say("is of another order")),))


def _is_priority(key: float | None) -> bool:
    return key is not None and key == int(key) and abs(key) < 32_768


def _listed(first: Any, lines: list[ItemLine], plan: Plan, *, limit: int, most: int) -> Listed:
    matched, looked = int(first["matched"]), first["looked"]
    stretch = looked if looked is not None and looked >= plan.looks and plan.source is not Source.NAMED else None
    onward = None
    if matched > limit:
        onward = lines[limit - 1].place
    elif stretch is not None and not plan.is_sorted_anew:
        onward = Place(key=first["last_urgency"], at=first["last_due"], id=first["last_id"])
        if plan.source is Source.DUE:
            onward = msgspec.structs.replace(onward, key=None)
    cap = min(COUNT_CAP, most - 1)
    return Listed(
        lines=lines[:limit],
        plan=plan,
        count=min(matched, cap),
        is_capped=matched > cap,
        looked=stretch,
        next=onward,
    )


def _line(row: Any, who: Principal, wanted: Wanted) -> ItemLine:
    due_at = row["due_at"]
    holders = zip(row["holders"] or (), row["since"] or (), strict=True)
    shown = [Holding(email if not who.is_blind or email == who.email else "", since) for email, since in holders]
    is_open = row["item_state"] == "open"
    return ItemLine(
        item_id=row["item_id"],
        seat_id=row["seat_id"],
        kind=row["kind"],
        type=row["type"],
        external_id=row["external_id"],
        status=("in_review" if shown else "queued") if is_open else row["item_state"],
        pool=row["pool"],
        priority=row["priority"],
        due_at=None if due_at is None or due_at.year == FOREVER_YEAR else due_at,
        created_at=row["created_at"],
        closed_at=row["closed_at"],
        input=_raw(row["input"], who.hidden_of(row["type"]), "input"),
        output=_raw(row["output"], who.hidden_of(row["type"]), "output"),
        confidence=row["confidence"],
        level=row["escalation_level"] or 0,
        reviews_required=row["reviews_required"] or 0,
        holders=tuple(shown) if is_open else (),
        place=_place(row, wanted.order),
    )


def _place(row: Any, order: str) -> Place:
    due_at = row["due_at"]
    at = FOREVER if due_at.year == FOREVER_YEAR else due_at.astimezone(UTC)
    match order:
        case "urgent":
            return Place(key=row["urgency"], at=at, id=row["seat_id"] or row["item_id"])
        case "due":
            return Place(at=at, id=row["seat_id"] or row["item_id"])
        case "confidence":
            return Place(key=row["doubt"], id=row["item_id"])
        case "doubt":
            return Place(key=row["sureness"], id=row["item_id"])
        case _:
            return Place(id=row["item_id"])


def _raw(text: str | None, paths: Sequence[str], root: str) -> msgspec.Raw | None:
    return None if text is None else hidden_raw(msgspec.Raw(text.encode()), paths, root)


def list_unsearched(who: Principal, wanted: Wanted) -> list[str]:
    """List the item types of which a filter finds nothing, for the caller does not see what it looks into there."""
    roots = (root for name, root in SEARCHED.items() if getattr(wanted, name))
    return sorted({each for root in roots for each in who.types_hiding(root)})


def may_see_holders(who: Principal) -> bool:
    """Tell whether the caller may know who else has an item in hand."""
    return not who.is_blind


def may_share(who: Principal) -> bool:
    """Tell whether the caller may keep a view for everybody."""
    return who.may(Permission.OVERRIDE)
