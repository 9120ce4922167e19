"""What every judgement goes through: the locks, who may say what of which item, and the decision it comes to."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncSession

from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache, ItemTypes
from review.decisions import queries as decision_queries
from review.decisions import service as decisions
from review.decisions.rules import LockedItem, Outcome, Verdict
from review.feedback import rules as feedback
from review.identity.rules import Principal
from review.items import service as items
from review.items.errors import ItemNotFound
from review.items.schemas import ItemView
from review.items.types import ItemType
from review.kernel.db import after_commit, driver_of
from review.kernel.sentences import either, say
from review.queueing import queries as queue_queries
from review.queueing import service as queueing
from review.queueing.conflicts import why_concerned
from review.reviewing import queries
from review.reviewing.errors import ConflictOfInterest, JudgementInvalid, VerdictNotAllowed
from review.reviewing.rules import Judgement, find_faults
from review.reviewing.schemas import JudgementIn

TellClosed = Callable[[Sequence[UUID]], None]


class Bench(msgspec.Struct, frozen=True):
    """What judging needs besides the transaction.

    The item types, whom to hint, the address that links carry, and the configurations, of which the active one says
    who may say what.
    """

    item_types: ItemTypes
    tell_closed: TellClosed
    base_url: str
    configs: ConfigCache


class Standing(msgspec.Struct, frozen=True):
    """What a judgement of a locked item stands on: the type it arrived under, and the configuration of now.

    `pool` is where its case is, None where rules decided it, `is_member` tells whether the caller is of that pool, and
    `is_by_several` whether others judge it too, or have.
    """

    item_type: ItemType
    config: ProjectConfig
    pool: str | None
    is_member: bool
    is_by_several: bool


async def lock_item(tx: AsyncSession, who: Principal, item_id: UUID) -> LockedItem:
    """Lock an item, after its seats.

    Raises:
        ItemNotFound (404).
    """
    item = await decision_queries.lock_item(tx, who.project_id, item_id)
    if item is None:
        message = say("There is no item %(item_id)s here that you may see.", item_id=item_id)
        raise ItemNotFound(message)
    return item


async def stand(tx: AsyncSession, bench: Bench, who: Principal, item: LockedItem) -> Standing:
    """Let pass whom a locked item does not concern, and give what their judgement stands on.

    Asked under the lock and by the configuration of now as well as by that of its arrival, so that nothing that was
    added while somebody had the item in hand slips through.

    Raises:
        ConflictOfInterest (403).
    """
    return await stand_on(bench, who, item, await queries.get_standing(tx, who, item.id))


async def stand_on(bench: Bench, who: Principal, item: LockedItem, found: Any) -> Standing:
    """Do as `stand` with what was read under the lock already.

    Raises:
        ConflictOfInterest (403).
    """
    config = await bench.configs.get(who.project_id, found.config_version)
    item_type = await bench.item_types.get(who.project_id, item.type, item.type_version)
    active = config.item_types.get(item.type)
    why = why_concerned(
        who,
        dict.fromkeys((*item_type.relations, *(active.relations if active else ()))),
        input=item.input,
        output=item.output,
        details=item.details,
        submitted_by=msgspec.json.decode(found.submitted_by),
    )
    if found.part == queueing.CONFLICT:
        why = say("you declared that you know the people concerned")
    if why:
        message = say(
            "You may not judge item %(item_id)s: %(why)s. Nothing was recorded; if you have it in hand, skip it as a "
            "conflict of interest, and somebody else gets it.",
            item_id=item.id,
            why=why,
        )
        raise ConflictOfInterest(message)
    return Standing(item_type, config, found.pool, found.is_member, found.is_by_several)


def check_verdict(standing: Standing, pool: str, verdict: Verdict, instead: str) -> None:
    """Let pass what the people of a pool may say; `instead` is what to do with what they may not.

    Raises:
        VerdictNotAllowed (403).
    """
    allowed = queueing.verdicts_in(standing.config, pool)
    if verdict.value not in allowed:
        message = say(
            "The people of pool %(pool)s may %(allowed)s, and not %(verdict)s. Nothing was recorded; %(instead)s.",
            pool=pool,
            allowed=either(*allowed),
            verdict=verdict.value,
            instead=instead,
        )
        raise VerdictNotAllowed(message)


def check_form(standing: Standing, item: LockedItem, submitted: JudgementIn, safe: str) -> None:
    """Let pass a judgement that can be recorded; `safe` says what stays as it was.

    Raises:
        JudgementInvalid (422).
    """
    faults = find_faults(standing.item_type, item.output, submitted)
    if faults:
        message = say("The judgement was not recorded; %(safe)s. Mend what is named below and submit again.", safe=safe)
        raise JudgementInvalid(message, errors=tuple(faults))


async def conclude(
    tx: AsyncSession,
    bench: Bench,
    who: Principal,
    item: LockedItem,
    outcome: Outcome,
    judgements: Sequence[Judgement],
) -> None:
    """Decide a locked item, close its case, and hint to whoever waits."""
    told = [feedback.Judgement(each.verdict.value, each.output) for each in judgements]
    await decisions.decide(tx, who.project_id, item, outcome, actor=who.actor, judgements=told)
    await queue_queries.close_case(tx, who.project_id, item.id)
    after_commit(tx, lambda: bench.tell_closed([item.id]))


async def view(tx: AsyncSession, bench: Bench, who: Principal, item_id: UUID) -> ItemView:
    """Show an item as the transaction leaves it."""
    await tx.flush()
    driver = await driver_of(tx)
    return (await items.get_views(driver, who=who, item_ids=[item_id], base_url=bench.base_url))[item_id]


def corrected(submitted: JudgementIn) -> Any:
    """Give the corrected output of a judgement, or None where it has none."""
    corrects = submitted.verdict is Verdict.CORRECT and submitted.output is not UNSET
    return submitted.output if corrects else None
