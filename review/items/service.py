"""Showing items: one, a page of them, and what happened to one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from review.identity.rules import Principal
from review.items import blindness, concealment, personal, queries
from review.items.errors import ItemNotFound
from review.items.route_queries import in_full
from review.items.schemas import (
    DecisionView,
    Details,
    EarlierItem,
    ErasedView,
    HistoryEntry,
    ItemDetail,
    ItemView,
    PauseView,
    QuestionView,
    SlaView,
)
from review.kernel.db import Hot
from review.kernel.errors import FieldError, Invalid
from review.kernel.paging import cursor_of, position_of
from review.kernel.sentences import say

EARLIER = 5  # items of the same subject
_NOTHING: Mapping[str, Sequence[str]] = {}
STATUSES: dict[str, tuple[str, bool | None]] = {
    "queued": ("open", False),
    "in_review": ("open", True),
    "decided": ("decided", None),
    "withdrawn": ("withdrawn", None),
}


class ItemFilter(msgspec.Struct, frozen=True):
    """What a list of items is narrowed to; None leaves it open."""

    status: str | None = None
    type: str | None = None
    pool: str | None = None
    external_id: str | None = None


class _Needed(msgspec.Struct, frozen=True):
    reviews_required: int


class ItemPage(msgspec.Struct, frozen=True):
    """A page of items, newest first, and the cursor of the page after it."""

    data: list[ItemView]
    next: str | None


async def get_detail(hot: Hot, *, who: Principal, item_id: UUID, base_url: str) -> ItemDetail:
    """Give an item with everything that was submitted.

    Raises:
        ItemNotFound: it is not in the caller's project, or in none of the reviewer's pools (404).
    """
    row = await queries.find_detail(hot, who, item_id)
    if row is None:
        message = say("There is no item %(item_id)s here that you may see.", item_id=item_id)
        raise ItemNotFound(message)
    return detail_of(row, who, base_url)


async def check_reach(hot: Hot, *, who: Principal, item_id: UUID) -> None:
    """Let pass who may act on an item: whoever is bound to pools only where one of theirs has it, now or last.

    Having had it in hand once lets somebody see an item, and is not enough here. Costs nothing for those who see all.

    Raises:
        ItemNotFound: it is in none of the caller's pools (404).
    """
    if who.is_pool_bound and not await queries.is_in_pools_of(hot, who.project_id, item_id, who.email):
        message = say("There is no item %(item_id)s here that you may see.", item_id=item_id)
        raise ItemNotFound(message)


async def get_views(hot: Hot, *, who: Principal, item_ids: list[UUID], base_url: str) -> dict[UUID, ItemView]:
    """Give items of the caller's project by id; ids that are not there are left out."""
    rows = await queries.get_items(hot, who.project_id, item_ids, who=who)
    return {row["id"]: view_of(row, who.project, base_url, who.hides) for row in rows}


async def list_items(
    hot: Hot, *, who: Principal, wanted: ItemFilter, cursor: str | None, limit: int, base_url: str
) -> ItemPage:
    """List items, newest first.

    Raises:
        Invalid: the cursor or the status is not one of ours (422).
    """
    if wanted.status is not None and wanted.status not in STATUSES:
        message = say(
            "There is no status %(status)s; it is one of %(statuses)s.",
            status=repr(wanted.status),
            statuses=", ".join(STATUSES),
        )
        raise Invalid(message, errors=(FieldError("status", say("is not a status")),))
    state, held = STATUSES[wanted.status] if wanted.status else (None, None)
    found = await hot.fetch(
        queries.LIST_ITEMS,
        who.project_id,
        _visible_to(who),
        position_of(cursor),
        state,
        held,
        wanted.type,
        wanted.pool,
        wanted.external_id,
        limit + 1,
        who.id,
        who.is_blind,
    )
    rows = await in_full(hot, who.project_id, found[:limit])
    page = [view_of(row, who.project, base_url, who.hides) for row in rows]
    return ItemPage(page, cursor_of(page[-1].id) if len(found) > limit else None)


async def list_history(hot: Hot, *, who: Principal, item_id: UUID, base_url: str) -> list[HistoryEntry]:
    """Tell everything that happened to an item, oldest first.

    Whoever is still to judge it is not told what others have: while it is open a reviewer, and everybody who has a
    seat in hand that does not show it.

    Raises:
        ItemNotFound: as `get_detail` (404).
    """
    return await tell_history(hot, who=who, item=await get_detail(hot, who=who, item_id=item_id, base_url=base_url))


async def tell_history(hot: Hot, *, who: Principal, item: ItemDetail) -> list[HistoryEntry]:
    """Tell everything that happened to an item that the caller was let see just now, as `list_history` does."""
    rows = await queries.list_history(hot, who.project_id, item.id)
    sees = await _sees_answers(hot, who, item)
    return history_of(rows, who=who, item=item, sees_answers=sees)


def history_of(
    rows: Sequence[Mapping[str, Any]], *, who: Principal, item: ItemDetail, sees_answers: bool | None
) -> list[HistoryEntry]:
    """Show rows of `queries.HISTORY` to the caller; `sees_answers` as their seat has it, None where they have none."""
    rows = concealment.history_shown(blindness.without_comments(rows), item.hidden)
    if _is_still_to_judge(who, item, sees_answers=sees_answers):
        needed = msgspec.json.decode(item.route, type=_Needed).reviews_required
        rows = blindness.without_answers(rows, who.id, is_panel=needed > 1)
    return [
        HistoryEntry(
            row["at"], row["actor_name"], row["actor_kind"], row["action"], msgspec.Raw(row["details"].encode())
        )
        for row in rows
    ]


async def is_still_to_judge(hot: Hot, *, who: Principal, item: ItemView) -> bool:
    """Tell whether the caller's own judgement of an item may still be asked for, so that they must not hear others'."""
    return _is_still_to_judge(who, item, sees_answers=await _sees_answers(hot, who, item))


async def _sees_answers(hot: Hot, who: Principal, item: ItemView) -> bool | None:
    return await queries.sees_answers(hot, who.project_id, item.id, who.id) if _is_open(item) else None


def _is_still_to_judge(who: Principal, item: ItemView, *, sees_answers: bool | None) -> bool:
    return blindness.is_still_to_judge(is_open=_is_open(item), sees_answers=sees_answers, is_reviewer=who.is_blind)


def _is_open(item: ItemView) -> bool:
    return item.status in {"queued", "in_review"}


async def list_visible(hot: Hot, *, who: Principal, item_ids: list[UUID]) -> frozenset[UUID]:
    """Give those of these items that the caller may see and that do not concern them."""
    return frozenset(await queries.list_visible(hot, who, item_ids)) if item_ids else frozenset()


async def list_earlier(hot: Hot, *, who: Principal, item: ItemDetail) -> list[EarlierItem]:
    """List what came before of the same subject, the newest first, as far as the caller may see it."""
    if not item.details.subject or "subject" in item.hidden:
        return []
    rows = await queries.list_earlier(hot, who, item.details.subject, item.id, EARLIER)
    return [
        EarlierItem(
            id=row["id"],
            type=row["type"],
            status=row["status"],
            created_at=row["created_at"],
            verdict=row["verdict"],
            output=personal.hidden_raw(_raw(row["output"]), who.hidden_of(row["type"]), "output"),
        )
        for row in rows
    ]


async def list_unheard(hot: Hot, *, who: Principal) -> frozenset[UUID]:
    """List the items that the caller has in hand and is to judge without hearing of others' answers."""
    return await queries.list_unheard(hot, who.project_id, who.id)


async def list_told(
    hot: Hot, project_id: UUID, project: str, item_ids: list[UUID], *, base_url: str
) -> dict[UUID, ItemView]:
    """Give items by id for those who tell of them, whoever asked; ids that are not there are left out."""
    rows = await queries.get_items(hot, project_id, item_ids, who=None)
    return {row["id"]: view_of(row, project, base_url, _NOTHING) for row in rows}


async def list_decisions(hot: Hot, project_id: UUID, item_ids: list[UUID]) -> dict[UUID, list[DecisionView]]:
    """Give every revision of these items' decisions, the first before the later; undecided items are left out."""
    found: dict[UUID, list[DecisionView]] = {}
    for row in await queries.list_decisions(hot, project_id, item_ids):
        found.setdefault(row["item_id"], []).append(_decided(row))
    return found


def item_url(base_url: str, project: str, item_id: UUID) -> str:
    """Give the address of the item's page."""
    return f"{base_url}/p/{project}/items/{item_id}"


def view_of(row: Any, project: str, base_url: str, hides: Mapping[str, Sequence[str]]) -> ItemView:
    """Show a row of `queries.GET_ITEMS`, without the personal fields that are hidden of its type."""
    return ItemView(**_shared(row, project, base_url, hides.get(row["type"], ())))


def detail_of(row: Any, who: Principal, base_url: str) -> ItemDetail:
    """Show a row of `queries.GET_DETAIL`, without what of it is not for the caller to see."""
    paths = who.hidden_of(row["type"])
    details = msgspec.json.decode(row["details"], type=Details)
    return ItemDetail(
        **_shared(row, who.project, base_url, paths),
        input=personal.hidden_raw(_raw(row["input"]), paths, "input"),
        output=personal.hidden_raw(_raw(row["output"]), paths, "output"),
        details=concealment.details_shown(details, paths) if paths else details,
        pool=row["pool"],
        priority=row["priority"],
        questions=msgspec.json.decode(row["questions"] or "[]", type=list[QuestionView]),
        hidden=list(paths),
    )


def _shared(row: Any, project: str, base_url: str, paths: Sequence[str]) -> dict[str, Any]:
    status = "in_review" if row["held"] else "queued" if row["state"] == "open" else row["state"]
    return {
        "id": row["id"],
        "status": status,
        "type": row["type"],
        "type_version": row["type_version"],
        "external_id": row["external_id"],
        "created_at": row["created_at"],
        "url": item_url(base_url, project, row["id"]),
        "route": concealment.route_shown(
            _raw(blindness.route_shown(row["route"], is_open=row["state"] == "open")), paths
        ),
        "sla": _sla(row),
        "escalation_level": row["escalation_level"],
        "decision": _decision(row, paths),
        "erased": None if row["erased_at"] is None else ErasedView(row["erased_at"], row["erased_by"]),
        "gold": row["gold"],
    }


def _sla(row: Any) -> SlaView | None:
    if row["sla_state"] is None:
        return None
    paused = None
    if row["paused_at"] is not None:
        paused = PauseView(row["paused_at"], row["pause_reason"], row["paused_by"], row["resume_at"])
    return SlaView(row["sla_policy"], row["due_at"], row["sla_state"], row["first_claim_due_at"], paused)


def _decision(row: Any, paths: Sequence[str]) -> DecisionView | None:
    return None if row["revision"] is None else concealment.decision_shown(_decided(row), paths)


def _decided(row: Any) -> DecisionView:
    return DecisionView(
        verdict=row["verdict"],
        output=_raw(row["decided_output"]),
        source=row["source"],
        reasons=_raw(row["reasons"]),
        comment=row["comment"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        reviews=row["reviews"],
        revision=row["revision"],
        output_sha256=row["output_sha256"],
    )


def _raw(text: str | None) -> msgspec.Raw:
    return msgspec.Raw(b"null" if text is None else text.encode())


def _visible_to(who: Principal) -> str | None:
    return who.email if who.is_pool_bound else None
