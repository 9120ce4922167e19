"""What stands around an item in hand: the day so far, what else is kept, words left with it, and one's own draft."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

import msgspec
from markupsafe import Markup

from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.identity.sessions import Visitor
from review.items.schemas import HistoryEntry
from review.kernel.db import Hot
from review.queueing import pinning, sending_back, snooze_rules
from review.queueing import service as queueing
from review.queueing.pinning import KeptLine, Note
from review.queueing.schemas import ClaimedAssignment
from review.queueing.sending_back import Receivers
from review.reviewing.drafts import SavedDraft
from review.reviewing.sitting import Sitting
from review.reviewing.surroundings import Surroundings
from review.web import content
from review.web.pages import desk, habits, snooze_times, veils, words
from review.web.pages.snooze_times import Moment
from review.web.pages.views import Countdown

PINNED, RESERVED = "pinned", "reserved"
HAD_BEFORE = frozenset(
    {Action.ASSIGNMENT_CLAIMED, Action.ASSIGNMENT_TAKEN_UP, Action.CASE_ESCALATED, Action.STEP_TAKEN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An item that is kept without being judged now: a tab, or a line of what is put aside."""

    id: UUID
    url: str
    title: str
    brief: Markup
    kind: str
    until: datetime
    said: str
    clock: Countdown | None = None
    note: str = ""
    put_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The line above the item in hand: what else is kept, and how the day goes.

    `here` is the address of the item in hand, if any; `break_minutes` is 0 where no reminder of a rest is wanted.
    """

    here: str | None
    pool: str
    tabs: list[Kept]
    back: list[Kept]
    sitting: Sitting
    pace: str
    steady_since: int
    break_minutes: int
    is_break_due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Everything around the item in hand; `zone` names the zone that `moments` are said in."""

    day: Day
    note: Note | None
    draft: SavedDraft | None
    moments: list[Moment]
    latest: str
    zone: str
    receivers: Receivers = field(default_factory=Receivers)
    is_note_own: bool = False
    is_pinned: bool = False
    is_draft_used: bool = False
    may_pin: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Who looks, when, and in which zone."""

    hot: Hot
    who: Principal
    visitor: Visitor
    config: ProjectConfig
    zone: tzinfo
    now: datetime


async def look(
    looker: Looker,
    claimed: ClaimedAssignment,
    history: list[HistoryEntry],
    seen: Surroundings,
    clocks: Mapping[UUID, Countdown],
    *,
    is_draft_used: bool = False,
) -> Hand:
    """Show what stands around an assignment in hand."""
    now = looker.now
    pinned = [each for each in seen.kept if each.kind == PINNED]
    clock = clocks.get(claimed.item.id)
    latest = snooze_rules.latest(now, clock.due_at if clock and not clock.is_still else None)
    return Hand(
        day=day_of(looker, claimed.pool, claimed.id, seen, clocks),
        note=seen.note,
        is_note_own=seen.note is not None and seen.note.is_by(looker.who),
        draft=seen.draft,
        is_draft_used=is_draft_used,
        moments=snooze_times.moments(now, looker.zone, latest),
        latest=words.brief(latest, looker.zone) if latest else "",
        zone=str(looker.zone),
        receivers=await _receivers(looker, claimed, history),
        is_pinned=any(each.assignment_id == claimed.id for each in pinned),
        may_pin=sum(each.assignment_id != claimed.id for each in pinned) < pinning.MAX_PINNED,
    )


def day_of(
    looker: Looker, pool: str, assignment_id: UUID | None, seen: Surroundings, clocks: Mapping[UUID, Countdown]
) -> Day:
    """Show how the day goes, and what is kept besides the assignment in hand."""
    kept, today = seen.kept, seen.sitting
    rest, steady = habits.break_after(looker.visitor), today.steady_since
    return Day(
        here=f"/p/{looker.who.project}/assignments/{assignment_id}" if assignment_id else None,
        pool=pool,
        tabs=[line_of(each, looker, clocks.get(each.item_id)) for each in kept if each.kind == PINNED],
        back=[line_of(each, looker, clocks.get(each.item_id)) for each in kept if each.kind == RESERVED],
        sitting=today,
        pace=_pace(today.pace_seconds),
        steady_since=int(steady.timestamp()) if steady else 0,
        break_minutes=int(rest.total_seconds() // 60) if rest else 0,
        is_break_due=bool(rest and steady and looker.now - steady >= rest),
    )


def line_of(line: KeptLine, looker: Looker, clock: Countdown | None = None) -> Kept:
    """Show one thing that is kept."""
    said = content.visible(line.external_id or "")
    if line.input and not (line.external_id and veils.hides_words(looker.config, line.type)):
        said = veils.brief(looker.config, line.type, msgspec.json.decode(line.input))
    return Kept(
        id=line.assignment_id,
        url=f"/p/{looker.who.project}/assignments/{line.assignment_id}",
        title=desk.title_in(looker.config, line.type),
        brief=said,
        kind=line.kind,
        until=line.until,
        said=words.brief(line.until, looker.zone),
        clock=clock,
        note=line.note,
        put_by="" if line.put_by == looker.who.actor.name else line.put_by,
    )


async def _receivers(looker: Looker, claimed: ClaimedAssignment, history: list[HistoryEntry]) -> Receivers:
    """Ask whom it could be sent back to, only where its history says that somebody else had it."""
    mine = looker.who.actor.name
    if not any(entry.action in HAD_BEFORE and entry.actor != mine for entry in history):
        return Receivers()
    seat = await queueing.get_known_seat(looker.hot, who=looker.who, assignment_id=claimed.id)
    return await sending_back.list_receivers(looker.hot, who=looker.who, seat=seat, config=looker.config)


def _pace(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return words.duration(timedelta(seconds=seconds)) if seconds >= 90 else words.seconds(seconds)
