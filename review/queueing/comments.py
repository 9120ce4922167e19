"""Talking about an item: comments that name people, and what of them somebody hears who is still to judge."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.identity import queries as identity
from review.identity.rules import Permission, Principal
from review.items import service as items
from review.items.errors import ItemErased
from review.items.schemas import ItemDetail
from review.kernel import outbox
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError, Invalid
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.sentences import number, say
from review.queueing import comment_queries as queries
from review.queueing import mentions
from review.queueing.errors import CommentNotFound, CommentSettled
from review.queueing.models import ItemComment

FRESH = timedelta(minutes=5)  # for so long somebody may change or take back what they wrote
MAX_TEXT = 4_000
CommentText = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


class CommentView(msgspec.Struct, frozen=True, kw_only=True):
    """A comment; `text` is empty where a lead has hidden it. `may_change` is for its author, for five minutes."""

    id: UUID
    author: str
    text: str
    written_at: datetime
    edited_at: datetime | None
    is_hidden: bool
    may_change: bool


class Thread(msgspec.Struct, frozen=True):
    """The comments on an item, the oldest first.

    `withheld` says how many more there are, by others, that the caller hears once their own judgement is in.
    """

    data: list[CommentView]
    withheld: int


async def list_of(hot: Hot, *, who: Principal, item: ItemDetail) -> Thread:
    """Give what was said of an item that the caller may see.

    Whoever is still to judge a case that several judge hears themselves and upstream, and that there is more.
    """
    rows = await queries.list_comments(hot, who, item.id, FRESH)
    others = [row for row in rows if row["author_kind"] == "user" and row["author_id"] != who.id]
    if others and await is_kept_from(hot, who=who, item=item):
        rows = [row for row in rows if row not in others]
    else:
        others = []
    return Thread([_view(row, who) for row in rows], len(others))


async def is_kept_from(hot: Hot, *, who: Principal, item: ItemDetail) -> bool:
    """Tell whether what other people say of an item is kept from the caller until their own judgement is in."""
    return await items.is_still_to_judge(hot, who=who, item=item) and await queries.is_judged_by_several(
        hot, who.project_id, item.id
    )


async def write(tx: AsyncSession, *, who: Principal, item_id: UUID, text: str, base_url: str) -> CommentView:
    """Comment on an item, and tell those whom the comment names.

    Raises:
        ItemNotFound: it is not the caller's to see, or in none of their pools (404); Invalid: it says nothing, or too
        much (422).
    """
    said = checked(text, MAX_TEXT)
    driver = await driver_of(tx)
    item = await _item(driver, who, item_id, base_url)
    if item.erased is not None:
        raise ItemErased.of(item_id)
    comment = ItemComment(
        project_id=who.project_id,
        id=new_id(),
        item_id=item_id,
        author_kind=who.kind,
        author_id=who.id,
        author=who.actor.name,
        text=said,
    )
    tx.add(comment)
    await tx.flush()
    await tx.refresh(comment, ["written_at"])
    is_open = item.status in {"queued", "in_review"}
    is_blind = is_open and await queries.is_judged_by_several(driver, who.project_id, item_id)
    details = {"comment_id": str(comment.id), "text": said}
    audit.record(tx, who.project_id, who.actor, Action.ITEM_COMMENTED, item_id=item_id, details=details)
    payload = {"comment_id": str(comment.id), "by": who.actor.name, "comment": "" if is_blind else said}
    outbox.emit(tx, who.project_id, EventKind.COMMENTED, item_id=item_id, payload=payload)
    await mentions.announce(tx, who, item_id=item_id, pool=item.pool or "", comment=said, is_blind=is_blind)
    return CommentView(
        id=comment.id,
        author=comment.author,
        text=said,
        written_at=comment.written_at,
        edited_at=None,
        is_hidden=False,
        may_change=True,
    )


async def change(
    tx: AsyncSession, *, who: Principal, item_id: UUID, comment_id: UUID, text: str | None, base_url: str
) -> None:
    """Write one's own comment anew, or take it back where `text` is None; the audit keeps what it said.

    Raises:
        ItemNotFound, CommentNotFound (404); CommentSettled: it is another's, or older than five minutes (409); Invalid
        (422).
    """
    said = None if text is None else checked(text, MAX_TEXT)
    driver = await driver_of(tx)
    row = await _lock(driver, who, item_id, comment_id, base_url)
    if not _may_change(row, who):
        message = say("A comment can be changed or taken back by who wrote it, for five minutes. It stays as it is.")
        raise CommentSettled(message)
    if said is None:
        await driver.execute(queries.REMOVE, who.project_id, comment_id)
    else:
        await driver.execute(queries.EDIT, who.project_id, comment_id, said)
    action = Action.COMMENT_REMOVED if said is None else Action.COMMENT_EDITED
    details = {"comment_id": str(comment_id), "was": row["text"], **({} if said is None else {"text": said})}
    audit.record(tx, who.project_id, who.actor, action, item_id=item_id, details=details)


async def hide(tx: AsyncSession, *, who: Principal, item_id: UUID, comment_id: UUID, base_url: str) -> None:
    """Hide a comment from everybody, as a lead; the audit keeps what it said.

    Raises:
        ItemNotFound, CommentNotFound (404).
    """
    driver = await driver_of(tx)
    await _lock(driver, who, item_id, comment_id, base_url)
    await driver.execute(queries.HIDE, who.project_id, comment_id, who.actor.name)
    details = {"comment_id": str(comment_id), "hidden_by": who.actor.name}
    audit.record(tx, who.project_id, who.actor, Action.COMMENT_REMOVED, item_id=item_id, details=details)


async def list_nameable(tx: AsyncSession, *, who: Principal, item: ItemDetail) -> list[str]:
    """List whom a comment on an item can name, besides the caller."""
    found = await identity.list_those_who_see(tx, who.project_id, item.pool or "")
    return [email for email in found if email != who.email]


async def _item(driver: Hot, who: Principal, item_id: UUID, base_url: str) -> ItemDetail:
    item = await items.get_detail(driver, who=who, item_id=item_id, base_url=base_url)
    await items.check_reach(driver, who=who, item_id=item_id)
    return item


async def _lock(driver: Hot, who: Principal, item_id: UUID, comment_id: UUID, base_url: str) -> Any:
    await _item(driver, who, item_id, base_url)
    row = await queries.lock_comment(driver, who, item_id, comment_id, FRESH)
    if row is None:
        message = say("There is no comment %(comment_id)s on this item.", comment_id=comment_id)
        raise CommentNotFound(message)
    return row


def checked(text: str, most: int, field: str = "text") -> str:
    """Give what somebody wrote, without what surrounds it.

    Raises:
        Invalid: it says nothing, or more than so many characters (422).
    """
    said = text.replace("\r\n", "\n").strip()
    if not 0 < len(said) <= most:
        message = say(
            "Write something, in up to %(most)s characters. Nothing was stored; send it again.", most=number(most)
        )
        raise Invalid(message, errors=(FieldError(field, say("is missing or too long")),))
    return said


def _may_change(row: Any, who: Principal) -> bool:
    is_own = row["author_id"] == who.id and row["author_kind"] == who.kind
    return bool(is_own and row["is_fresh"] and row["hidden_by"] is None and who.may(Permission.COMMENT))


def _view(row: Any, who: Principal) -> CommentView:
    is_hidden = row["hidden_by"] is not None
    return CommentView(
        id=row["id"],
        author=row["author"],
        text="" if is_hidden else row["text"],
        written_at=row["written_at"],
        edited_at=row["edited_at"],
        is_hidden=is_hidden,
        may_change=_may_change(row, who),
    )
