"""What a list of items is shown with: what was asked for, in chips and fields, its views, and its lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import Any, Final

import msgspec
from markupsafe import Markup, escape

from review.configuration.rules import ProjectConfig
from review.kernel.errors import Invalid
from review.queueing import listing, listing_rules
from review.queueing.listing import ItemLine, Listed
from review.queueing.listing_rules import Place, Wanted
from review.queueing.views import Desk, View
from review.web import content
from review.web.pages import desk as desks
from review.web.pages import veils
from review.web.pages.reading import Pairs
from review.web.pages.views import Countdown, QueueLine
from review.web.pages.work import Work
from review.web.words.catalogue import N_, gettext, one_of

LINES = 50
BESIDES = ("after", "done", "lines")  # what the address of a list says besides its filter
MARKS: Final = {"adjudication": N_("disputed"), "lead": N_("to confirm")}
STATES: Final = {
    "queued": (N_("waiting"), "plain"),
    "in_review": (N_("in hand"), "mark"),
    "decided": (N_("decided"), "good"),
    "withdrawn": (N_("withdrawn"), "warn"),
}
UNNAMED: Final = ("sort", "pool", "status")  # what is said above the list, and no chip


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that a list is narrowed to, as people call it, and the address without it."""

    name: str
    value: str | Markup
    url: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A kept view: its address, and whether it is what is shown; `may_remove` is said of that one alone."""

    view: View
    url: str
    is_here: bool
    may_remove: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list was asked for, as far as it could be read; `faults` say what could not, by name."""

    wanted: Wanted
    given: dict[str, str]
    after: Place | None = None
    lines: int = LINES
    fault: str = ""
    faults: Mapping[str, str] = field(default_factory=dict[str, str])


def address(work: Work, pool: str, query: str) -> str:
    """Give the address of a list: a pool's, or the one of all."""
    path = f"/p/{work.who.project}/" + (f"pools/{pool}" if pool else "queue")
    return f"{path}?{query}" if query else path


def read(pairs: Pairs, pool: str) -> Asked:
    """Read what a list is asked for out of its address."""
    given = dict(pairs)
    try:
        wanted = listing_rules.read(pairs, besides=BESIDES)
        after = listing_rules.place_of(given.get("after", ""))
    except Invalid as fault:
        return refused(given, pool, fault)
    lines = given.get("lines", "")
    count = min(max(int(lines), LINES), listing.MOST_LINES) if lines.isascii() and lines[:4].isdigit() else LINES
    wanted = msgspec.structs.replace(wanted, pool=pool or wanted.pool)
    return Asked(wanted, {**wanted.pairs()}, after, count)


def refused(given: dict[str, str], pool: str, fault: Invalid) -> Asked:
    """Keep what was typed beside what is wrong with it."""
    return Asked(
        Wanted(pool=pool), given, fault=fault.sentence, faults={each.path: each.sentence for each in fault.errors}
    )


def onward(work: Work, pool: str, asked: Asked, listed: Listed | None) -> str:
    """Give the address of the page that follows, blank where none does."""
    if listed is None or listed.next is None:
        return ""
    return _list_address(work, pool, asked.wanted, after=listed.next.mark())


def around(work: Work, desk: Desk, pool: str, asked: Asked) -> dict[str, Any]:
    """Give what stands around the lines: the fields with what they hold, chips, views, and what may be kept."""
    wanted, config = asked.wanted, work.config
    query = wanted.query(pool="" if pool else wanted.pool)
    tabs = [_tab(work, each, pool, query) for each in desk.views if each.pool in {None, pool or None}]
    return {
        "here": "" if pool else "Items",
        "pool": config.pools[pool] if pool else None,
        "pools": [(name, config.pools[name].title or name) for name in desk.pools],
        "types": [(name, desks.title_in(config, name)) for name in config.item_types],
        "rules": [(rule.name, rule.name) for rule in config.ruleset.rules],
        "asked": asked,
        "given": asked.given,
        "wanted": wanted,
        "query": query,
        "filter": wanted.query(),
        "chips": [
            Chip(name, _said_of(config, name, value), _list_address(work, pool, wanted, **{name: ""}))
            for name, value in wanted.pairs().items()
            if name not in UNNAMED
        ],
        "tabs": tabs,
        "live": f"/p/{work.who.project}/queue/live",
        "clear": address(work, pool, ""),
        "may_see_holders": listing.may_see_holders(work.who),
        "may_share": listing.may_share(work.who),
        "unsearched": [desks.title_in(config, name) for name in listing.list_unsearched(work.who, wanted)],
    }


async def rows(work: Work, lines: Sequence[ItemLine]) -> list[QueueLine]:
    """Give the lines of a list, with the clocks of those that have one."""
    open_ones = [line.item_id for line in lines if line.closed_at is None]
    clocks = await work.countdowns(open_ones)
    return [_row(work, line, clocks.get(line.item_id)) for line in lines]


def _row(work: Work, line: ItemLine, clock: Countdown | None) -> QueueLine:
    status, tone = STATES[line.status]
    names = [
        gettext("you") if each.email == work.who.email else each.email.partition("@")[0]
        for each in line.holders
        if each.email
    ]
    brief = _brief(work.config, line.type, line.input) or content.visible(line.external_id or "")
    known = (line.status, line.pool, line.priority, line.level, line.kind, line.due_at, line.holders)
    still = (clock.is_still, clock.due_at) if clock else None
    return QueueLine(
        item_id=line.item_id,
        type_title=desks.title_in(work.config, line.type),
        brief=brief or escape(gettext("too large to show in a line")),
        output=_brief(work.config, line.type, line.output),
        confidence=line.confidence,
        clock=clock,
        created_at=line.created_at,
        closed_at=line.closed_at,
        mark=one_of(MARKS, line.kind or ""),
        status=gettext(status),
        tone=tone,
        holder=content.visible(", ".join(names)),
        priority=line.priority,
        level=line.level,
        version=blake2s(repr((known, still)).encode(), digest_size=6).hexdigest(),
    )


def _brief(config: ProjectConfig, item_type: str, value: msgspec.Raw | None) -> Markup:
    return Markup() if value is None else veils.brief(config, item_type, msgspec.json.decode(value))


def _tab(work: Work, view: View, pool: str, query: str) -> Tab:
    is_here = view.query == query and (view.pool or "") == pool
    may_remove = is_here and (view.is_mine or (view.is_shared and listing.may_share(work.who)))
    return Tab(view, address(work, view.pool or "", view.query), is_here, may_remove)


def _list_address(work: Work, pool: str, wanted: Wanted, **more: str) -> str:
    changed = {"pool": "", **more} if pool else more
    return address(work, pool, wanted.query(**changed))


def _said_of(config: ProjectConfig, name: str, value: str) -> str | Markup:
    return content.visible(desks.title_in(config, value) if name == "type" else value)
