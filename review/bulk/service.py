"""Acts on many items: shown before, asked for once, taken back in time, and told item by item."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.bulk import queries, surveying
from review.bulk.errors import BulkCounts, BulkInvalid, BulkNotFound
from review.bulk.queries import NewAct
from review.bulk.rules import SENTENCES, Facts, Fate, Why, fate_of, faults_of
from review.bulk.schemas import MOST_ITEMS, ActView, Asked, Begun, Counts, ItemResult, Preview, Told
from review.configuration.rules import ProjectConfig
from review.configuration.service import ItemTypes
from review.identity.errors import NotPermitted
from review.identity.rules import Permission, Principal
from review.items.errors import ConflictingResubmission
from review.kernel.canonical import fingerprint
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.sentences import number, say
from review.queueing import service as queueing

MOST_LISTED = 20
FORGOTTEN_AT_ONCE = 20  # acts, of up to 1,000 items each


async def preview(
    hot: Hot, *, who: Principal, config: ProjectConfig, item_types: ItemTypes, asked: Asked, item_ids: Sequence[UUID]
) -> Preview:
    """Say what an act would do to each item as things stand; nothing is locked and nothing changes.

    Raises:
        NotAPerson, NotPermitted (403); BulkInvalid: it cannot be done to anything, or to so many (422).
    """
    chosen = _check(who, config, asked, item_ids, with_reason=False)
    facts = await surveying.list_facts(hot, who, asked, chosen)
    ground = await surveying.ground_of(hot, who, asked, config, item_types, facts)
    fates = [(each, fate_of(asked, each, ground)) for each in facts]
    return Preview(
        done=sum(fate.is_done for _, fate in fates),
        maybe=sum(fate.is_unsure for _, fate in fates),
        left_out=dict(Counter(fate.why.value for _, fate in fates if fate.why is not None).most_common()),
        items=[_foreseen(each, fate) for each, fate in fates],
    )


async def begin(
    tx: AsyncSession,
    *,
    who: Principal,
    config: ProjectConfig,
    asked: Asked,
    item_ids: Sequence[UUID],
    grace: timedelta,
    key: str | None,
) -> Begun:
    """Ask for an act, which counts once the grace is over; with the same key again, give the one that is there.

    Raises:
        NotAPerson, NotPermitted (403); BulkInvalid (422); ConflictingResubmission: the key was used for
        another act (409).
    """
    chosen = _check(who, config, asked, item_ids, with_reason=True)
    hot, act_id = await driver_of(tx), new_id()
    given = msgspec.to_builtins(asked)
    print_of = fingerprint({"asked": given, "items": [str(each) for each in chosen]})
    act = NewAct(
        id=act_id,
        kind=asked.act.value,
        given=msgspec.json.encode(given).decode(),
        key=key,
        fingerprint=print_of,
        grace=grace,
    )
    stored = await queries.add(hot, who, act, chosen)
    if not stored:
        return Begun(await _repeated(hot, who, key or "", print_of), is_new=False)
    details = {"bulk_id": str(act_id), "items": len(chosen), **given}
    audit.record(tx, who.project_id, who.actor, Action.BULK_REQUESTED, details=details)
    return Begun(await get_act(hot, who=who, act_id=act_id), is_new=True)


async def undo(tx: AsyncSession, *, who: Principal, act_id: UUID) -> ActView:
    """Take an act of one's own back as a whole, before anything of it is done; twice is as good as once.

    Raises:
        BulkNotFound (404); BulkCounts: it has begun (409).
    """
    hot = await driver_of(tx)
    row = await queries.find(hot, who, act_id, lock=True)
    if row is None or row["acted_by"] != who.id:
        raise _not_found(act_id)
    if row["state"] in {"running", "done"}:
        message = say(
            "This has begun, so it cannot be taken back as a whole any more, and what it did stands. Its page says "
            "what became of each item: open one to override its decision, or move it back."
        )
        raise BulkCounts(message)
    if row["state"] == "waiting":
        await queries.undo(hot, who.project_id, act_id)
        details = {"bulk_id": str(act_id)}
        audit.record(tx, who.project_id, who.actor, Action.BULK_UNDONE, details=details)
    return await get_act(hot, who=who, act_id=act_id)


async def stop(tx: AsyncSession, *, who: Principal, act_id: UUID) -> ActView:
    """Stop the rest of an act, one's own or one that one leads: what is done stays done, what is not stays as it is.

    Twice is as good as once, and an act that is over stays as it came out.

    Raises:
        BulkNotFound (404).
    """
    hot = await driver_of(tx)
    row = await queries.find(hot, who, act_id, lock=True)  # which waits for the item that a worker is at
    if row is None:
        raise _not_found(act_id)
    if row["state"] in {"waiting", "running"}:
        left = await queries.stop(hot, who, act_id, Why.STOPPED, f"Not done: stopped by {who.name}.")
        view = await get_act(hot, who=who, act_id=act_id)
        details = {"bulk_id": str(act_id), "asked_by": view.asked_by, "done": view.counts.done, "stopped": left}
        audit.record(tx, who.project_id, who.actor, Action.BULK_STOPPED, details=details)
        return view
    return await get_act(hot, who=who, act_id=act_id)


async def forget_old(hot: Hot, kept: timedelta) -> int:
    """Forget what became of each item of acts that ended longer ago than that; gives how many acts those were.

    An act itself stays, with its reason and its counts; what it did to an item is in that item's history.
    """
    forgotten = 0
    while some := await queries.forget_items(hot, kept, FORGOTTEN_AT_ONCE):
        forgotten += some
    return forgotten


async def get_act(hot: Hot, *, who: Principal, act_id: UUID) -> ActView:
    """Give an act of the caller's own, and how far it has come.

    Raises:
        BulkNotFound (404).
    """
    row = await queries.find(hot, who, act_id)
    if row is None:
        raise _not_found(act_id)
    return (await _views(hot, who, [row]))[0]


async def list_acts(hot: Hot, *, who: Principal) -> list[ActView]:
    """List the caller's own acts, the last one first, up to 20."""
    return await _views(hot, who, await queries.list_of(hot, who, MOST_LISTED))


async def list_led(hot: Hot, *, who: Principal) -> list[ActView]:
    """List others' acts that the caller may stop, the last one first, up to 20; asks nothing for who leads nobody."""
    if not who.may(Permission.OVERRIDE):
        return []
    return await _views(hot, who, await queries.list_led(hot, who, MOST_LISTED))


async def get_told(hot: Hot, *, who: Principal, act_id: UUID, limit: int = MOST_ITEMS, offset: int = 0) -> Told:
    """Give an act with what became of its items, those left out first.

    Raises:
        BulkNotFound (404).
    """
    act = await get_act(hot, who=who, act_id=act_id)
    rows = await queries.list_items(hot, who.project_id, act_id, limit=limit, offset=offset)
    return Told(act=act, items=[_result(row) for row in rows])


async def list_inputs(hot: Hot, *, who: Principal, results: Sequence[ItemResult]) -> dict[UUID, msgspec.Raw]:
    """Give what went in of those items that the caller may see and that are small enough for a line."""
    seen = [each.item_id for each in results if each.type is not None]
    rows = await queries.list_inputs(hot, who.project_id, seen) if seen else []
    return {row["item_id"]: msgspec.Raw(row["input"].encode()) for row in rows}


async def _views(hot: Hot, who: Principal, rows: Sequence[Any]) -> list[ActView]:
    counts: dict[UUID, dict[str, int]] = {row["id"]: msgspec.json.decode(row["tally"] or "{}") for row in rows}
    for found in await queries.count_items(hot, who.project_id, list(counts)):
        counts[found["act_id"]][found["state"]] = found["n"]
    return [
        ActView(
            id=row["id"],
            state="stopped" if row["stopped_at"] else row["state"],
            asked=msgspec.json.decode(row["given"], type=Asked),
            asked_by=row["asked_by"],
            requested_at=row["requested_at"],
            counts_at=row["counts_at"],
            ended_at=row["ended_at"],
            stopped_at=row["stopped_at"],
            stopped_by=row["stopped_by"],
            forgotten_at=row["forgotten_at"],
            counts=Counts(**counts[row["id"]]),
        )
        for row in rows
    ]


async def _repeated(hot: Hot, who: Principal, key: str, print_of: bytes) -> ActView:
    row = await queries.find_by_key(hot, who, key)
    if row["fingerprint"] != print_of:
        message = say(
            "This Idempotency-Key was used before, for another act. Nothing was changed; send this under a new one."
        )
        raise ConflictingResubmission(message)
    return (await _views(hot, who, [row]))[0]


def _check(
    who: Principal, config: ProjectConfig, asked: Asked, item_ids: Sequence[UUID], *, with_reason: bool
) -> list[UUID]:
    """Let pass an act that can be asked for by its caller, and give its items, each once."""
    queueing.check_person(who)
    if not surveying.may(who, asked.act):
        message = say(
            "Moving, prioritising, giving back what somebody holds and bringing back what rules decided takes "
            "decisions:override as well; nothing was changed."
        )
        raise NotPermitted(message)
    chosen = list(dict.fromkeys(item_ids))
    faults = [each for each in faults_of(asked) if with_reason or each.path != "reason"]
    if not 1 <= len(chosen) <= MOST_ITEMS:
        message = say("are %(count)s, and must be 1 to %(most)s", count=number(len(chosen)), most=number(MOST_ITEMS))
        faults.append(FieldError("items", message))
    if asked.pool and asked.pool not in config.pools:
        faults.append(FieldError("pool", say("is no pool of this project")))
    if faults:
        message = say("This cannot be done to them; nothing was changed. Mend what is named below.")
        raise BulkInvalid(message, errors=tuple(faults))
    return chosen


def _foreseen(facts: Facts, fate: Fate) -> ItemResult:
    why = fate.why
    message = "" if why is None else str(SENTENCES[why])
    if why in {Why.UNKNOWN, Why.FORBIDDEN}:  # what is not there and what is not the caller's to see look alike
        return ItemResult(item_id=facts.item_id, external_id=None, state="left_out", why=why, message=message)
    named: dict[str, Any] = {"item_id": facts.item_id, "external_id": facts.external_id, "type": facts.type}
    if why is None:
        return ItemResult(**named, state="waiting")
    return ItemResult(**named, state="left_out", why=why, message=message)


def _result(row: Any) -> ItemResult:
    why = row["why"] or None
    is_hidden = why in {Why.UNKNOWN, Why.FORBIDDEN, Why.FAILED, Why.STOPPED} or row["state"] in {"waiting", "undone"}
    return ItemResult(
        item_id=row["item_id"],
        external_id=None if is_hidden else row["external_id"],
        type=None if is_hidden else row["type"],
        state=row["state"],
        why=why,
        message=row["said"] or (str(SENTENCES[Why(why)]) if why in set(Why) else ""),
    )


def _not_found(act_id: UUID) -> BulkNotFound:
    return BulkNotFound(say("There is no act %(act_id)s here that is yours to see or to change.", act_id=act_id))
