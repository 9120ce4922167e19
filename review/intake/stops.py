"""Stopping a project, source, item type, model or rule at once: nothing of it is let through by rule meanwhile.

A stop travels with the look-up of the key that submits, so it holds from the next request on and costs intake nothing.
What becomes of it meanwhile is the stop's way: `approvals` sends to people what rules would have let through, and
`everything` what they would have rejected too; `fallback` gives each item what its type declares for that, and `hold`
decides nothing and hands nothing to anybody. Upstream's calls are answered as ever. A stop ends when somebody resumes
it, or by itself at a time of the database's clock; what it held goes on to people then (`review.escalation.holds`).
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Literal, cast
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.intake import stop_queries as queries
from review.intake.errors import NotStopped, SourceNotFound, StopNotFound
from review.intake.models import Stop
from review.kernel.db import Hot, driver_of
from review.kernel.durations import parse_duration
from review.kernel.errors import FieldError, Invalid
from review.kernel.ids import new_id
from review.kernel.sentences import Sentence, say

Kind = Literal["project", "source", "item_type", "model", "rule"]
Way = Literal["approvals", "everything", "fallback", "hold"]
Afterwards = Literal["people", "rules"]
KIND_WORDS = {
    "project": say("Project"),
    "source": say("Source"),
    "item_type": say("Item type"),
    "model": say("Model"),
    "rule": say("Rule"),
}
LONGEST = timedelta(days=366)
MAX_SUBJECT = 500
MAX_REASON = 2_000
NO_REASON = say("Resuming must say why. Nothing was changed; send it again with a reason.")
MOST_SHOWN = 200


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """A stop: of a `source`, where `subject` is the id of the key or person, or of anything else by its name.

    A model is `name` for all its versions, or `name@version`. `way` is `approvals`, `everything` if rules may not
    reject either, `fallback` or `hold`; `held` is how many items it holds still. `resumed_at` is null while it stands;
    `resumed_by` is null too once it has ended by itself.
    """

    id: UUID
    kind: str
    subject: str
    name: str
    way: str
    reason: str
    expires_at: datetime | None
    stopped_by: str
    stopped_at: datetime
    resumed_by: str | None
    resumed_at: datetime | None
    held: int = 0


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may send items: a service key, or a person by their own token."""

    id: UUID
    name: str
    is_person: bool


class Sender(msgspec.Struct, frozen=True):
    """Who sent an item, by id and name, and the item's type."""

    id: str
    name: str
    type: str


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be stopped, how and for how long; without `lasts`, until somebody resumes it."""

    kind: Kind
    subject: str
    reason: str
    way: Way = "approvals"
    lasts: timedelta | None = None


async def stop(tx: AsyncSession, *, who: Principal, config: ProjectConfig, wish: Wish) -> StopView:
    """Let rules decide nothing of a subject from now on, as the wish has it.

    A stop that stands is kept if it asks for as much. Otherwise a new one takes its place, which is never weaker: it
    has the stricter way and the later end of the two.

    Raises:
        SourceNotFound: there is no such thing (404); Invalid: no reason, or a time that cannot be (422).
    """
    said = _said(wish.reason, say("A stop must say why. Nothing was changed; send it again with a reason."))
    _check_lasting(wish.lasts)
    name = await _name_of(await driver_of(tx), who, config, wish.kind, wish.subject)
    standing = await queries.find_standing(tx, who.project_id, wish.kind, wish.subject)
    way, lasts = wish.way, wish.lasts
    if standing is not None:
        rank = partial(strictness, may_approve=_may_approve(config, wish))
        if not await queries.asks_for_more(tx, standing, lasts, is_stricter=rank(way) > rank(standing.way)):
            return _view(standing)
        way = cast("Way", max(way, standing.way, key=rank))
        await queries.resume(tx, standing, who.actor.name, "people")
        _record(tx, who, standing, Action.SOURCE_RESUMED, said)
    stopped = Stop(
        project_id=who.project_id,
        id=new_id(),
        kind=wish.kind,
        subject=wish.subject,
        name=name,
        reason=said,
        way=way,
        expires_at=await queries.end_of(tx, lasts, standing),
        stopped_by=who.actor.name,
    )
    tx.add(stopped)
    _record(tx, who, stopped, Action.SOURCE_STOPPED, said)
    await tx.flush()
    await tx.refresh(stopped)
    return _view(stopped)


def strictness(way: str, *, may_approve: bool) -> int:
    """Rank a way by how much it keeps from going out: nothing less than a fallback that may let through."""
    ranks = {"approvals": 1, "everything": 2, "fallback": 0 if may_approve else 3, "hold": 4}
    return ranks[way]


def _may_approve(config: ProjectConfig, wish: Wish) -> bool:
    types = config.item_types.values()
    return any(each.fallback == "approve" for each in types if wish.kind != "item_type" or each.name == wish.subject)


async def resume(
    tx: AsyncSession,
    *,
    who: Principal,
    config: ProjectConfig,
    kind: Kind,
    subject: str,
    reason: str,
    afterwards: Afterwards = "people",
) -> StopView:
    """Let rules decide again; what came meanwhile stays with people, and `afterwards` says who judges what was held.

    Raises:
        SourceNotFound (404); NotStopped: nothing stands (409); Invalid: no reason was given (422).
    """
    said = _said(reason, NO_REASON)
    standing = await queries.find_standing(tx, who.project_id, kind, subject)
    if standing is None:
        await _name_of(await driver_of(tx), who, config, kind, subject)
        message = say(
            "%(what)s %(subject)s is not stopped. Nothing was changed.", what=KIND_WORDS[kind], subject=subject
        )
        raise NotStopped(message)
    return await _end(tx, who, standing, said, afterwards)


async def resume_stop(
    tx: AsyncSession, *, who: Principal, stop_id: UUID, reason: str, afterwards: Afterwards = "people"
) -> StopView:
    """End one stop by its id, whatever it is of, even a thing that is no longer there.

    Raises:
        StopNotFound (404); NotStopped: it has ended already (409); Invalid: no reason was given (422).
    """
    said = _said(reason, NO_REASON)
    found = await queries.find_stop(tx, who.project_id, stop_id)
    if found is None:
        message = say("There is no stop %(stop_id)s here. Nothing was changed.", stop_id=stop_id)
        raise StopNotFound(message)
    standing = await queries.find_standing(tx, who.project_id, found.kind, found.subject)
    if standing is None or standing.id != stop_id:
        message = say("This stop has ended already. Nothing was changed.")
        raise NotStopped(message)
    return await _end(tx, who, standing, said, afterwards)


async def _end(tx: AsyncSession, who: Principal, standing: Stop, said: str, afterwards: Afterwards) -> StopView:
    await queries.resume(tx, standing, who.actor.name, afterwards)
    _record(tx, who, standing, Action.SOURCE_RESUMED, said)
    await tx.flush()
    await tx.refresh(standing)
    return _view(standing)


def _record(tx: AsyncSession, who: Principal, stop: Stop, action: Action, said: str) -> None:
    details = {
        "stop_id": str(stop.id),
        "kind": stop.kind,
        "subject": stop.subject,
        "name": stop.name,
        "way": stop.way,
        "expires_at": None if stop.expires_at is None else stop.expires_at.isoformat(),
        "reason": said,
    }
    audit.record(tx, who.project_id, who.actor, action, details=details)


def read_lasting(text: str | None) -> timedelta | None:
    """Read how long a stop lasts; nothing is until somebody resumes it.

    Raises:
        Invalid: it is no duration (422).
    """
    if text is None or not text.strip():
        return None
    try:
        return parse_duration(text)
    except ValueError as fault:
        message = say("The time for which to stop cannot be read. Nothing was changed; write it like 30m, 4h or 2d.")
        raise Invalid(message, errors=(FieldError("expires_in", fault.args[0]),)) from fault


def _check_lasting(lasts: timedelta | None) -> None:
    if lasts is not None and not timedelta(0) < lasts <= LONGEST:
        message = say("A stop lasts up to 366 days, or until somebody resumes it. Nothing was changed.")
        raise Invalid(message, errors=(FieldError("expires_in", say("is not between a second and 366 days")),))


async def list_stops(hot: Hot, *, who: Principal, with_past: bool = False) -> list[StopView]:
    """List the stops that stand, and with `with_past` those that have ended, up to 200."""
    rows = await queries.list_stops(hot, who.project_id, with_past=with_past, limit=MOST_SHOWN)
    return [StopView(**dict(row)) for row in rows]


async def list_of_item(hot: Hot, *, who: Principal, item_id: UUID) -> list[StopView]:
    """List the stops that an item which the caller may see is under."""
    return [StopView(**dict(row)) for row in await queries.list_of_item(hot, who.project_id, item_id)]


async def list_sources(hot: Hot, *, who: Principal) -> list[SourceView]:
    """List who may send items: keys first, by name."""
    return [SourceView(**dict(row)) for row in await queries.list_sources(hot, who.project_id)]


async def list_deciding_rules(hot: Hot, *, who: Principal, config: ProjectConfig) -> list[str]:
    """List the rules that let through or reject, by name: those of the active version, then of a live candidate."""
    of_candidate = await queries.list_live_rules(hot, who.project_id)
    given = [(rule.name, str(rule.action)) for rule in config.ruleset.rules]
    given += [(row["name"], row["action"]) for row in of_candidate]
    return list(dict.fromkeys(name for name, action in given if action != "review"))


async def find_sender(hot: Hot, *, who: Principal, item_id: UUID) -> Sender | None:
    """Find who sent an item that the caller may see, and its type."""
    row = await queries.find_sender(hot, who.project_id, item_id)
    return None if row is None or row["id"] is None else Sender(**dict(row))


async def _name_of(hot: Hot, who: Principal, config: ProjectConfig, kind: Kind, subject: str) -> str:
    """Give what people call a subject; a model may be stopped before anything of it has come.

    A rule is one of the active version, or of the candidate that a live rollout has routing beside it.
    """
    if kind == "source":
        names = {str(row["id"]): str(row["name"]) for row in await queries.list_sources(hot, who.project_id)}
        if subject not in names:
            message = say(
                "There is no key and nobody with a token of the id %(subject)s here. Nothing was changed.",
                subject=subject,
            )
            raise SourceNotFound(message)
        return names[subject]
    is_model_name = len(subject.strip()) > 0 and len(subject) <= MAX_SUBJECT and "\0" not in subject
    known: dict[str, set[str]] = {
        "project": {who.project},
        "item_type": set(config.item_types),
        "rule": {rule.name for rule in config.ruleset.rules},
        "model": {subject} if is_model_name else set(),
    }
    if kind == "rule":
        known[kind] |= {str(row["name"]) for row in await queries.list_live_rules(hot, who.project_id)}
    if subject not in known[kind]:
        raise SourceNotFound(_no_such(kind, repr(subject)))
    return subject


def _no_such(kind: Kind, subject: str) -> Sentence:
    messages = {
        "project": say("There is no project %(subject)s here. Nothing was changed.", subject=subject),
        "item_type": say("There is no item type %(subject)s here. Nothing was changed.", subject=subject),
        "model": say("There is no model %(subject)s here. Nothing was changed.", subject=subject),
        "rule": say("There is no rule %(subject)s here. Nothing was changed.", subject=subject),
    }
    return messages[kind]


def _said(reason: str, message: str) -> str:
    said = reason.strip()
    if not 0 < len(said) <= MAX_REASON:
        raise Invalid(message, errors=(FieldError("reason", say("is missing or longer than 2,000 characters")),))
    return said


def _view(stop: Stop) -> StopView:
    return StopView(**{name: getattr(stop, name) for name in StopView.__struct_fields__ if name != "held"})
