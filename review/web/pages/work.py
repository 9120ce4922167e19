"""Everything a page needs to put the next item before a reviewer: connections, caller, configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from litestar.di import NamedDependency, Provide
from litestar.response import Redirect, Response, Template
from sqlalchemy.ext.asyncio import AsyncSession

from review.configuration.rules import ProjectConfig
from review.escalation.clocks import Watch
from review.identity.rules import Permission, Principal
from review.identity.sessions import Visitor
from review.intake import stops
from review.items import service as items
from review.items.schemas import ItemDetail
from review.items.types import ItemType
from review.kernel.clock import utc_now
from review.kernel.db import Hot, driver_of
from review.kernel.shapes import is_object
from review.queueing import ahead, due, exposure, overview, pinning
from review.queueing import service as queueing
from review.queueing.ahead import Reserved
from review.queueing.due import RunningClock
from review.queueing.errors import PoolNotFound
from review.queueing.rules import Act, Seat
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import surroundings
from review.reviewing.service import Judged
from review.reviewing.surroundings import Surroundings
from review.routing.rules import RuleSet
from review.sla.rules import SlaPolicy
from review.web import content
from review.web.pages import around, countdowns, desk, habits, last, places, resting, veils, words
from review.web.pages.around import Looker
from review.web.pages.countdowns import Hours
from review.web.pages.desk import Bench, Draft
from review.web.pages.reading import SAID, Pairs
from review.web.pages.resting import Resting
from review.web.pages.views import Countdown, Stoppable
from review.web.services import AnyRequest, Services, Svc, Who
from review.web.words.catalogue import gettext, one_of


@dataclass(frozen=True)
class Work:
    """One request's view of the project it is in; `is_partial` if htmx asked and wants only what it swaps.

    `over` is the connection below a transaction whose work is to be seen, None for what everybody sees.
    """

    services: Services
    who: Principal
    visitor: Visitor
    config: ProjectConfig
    is_partial: bool
    over: Any = None  # Hot or None; msgspec evaluates it, and that alias is a text

    @property
    def zone(self) -> tzinfo:
        """The zone in which the caller reads times."""
        return words.reader().zone

    @property
    def watch(self) -> Watch:
        """What the acts on clocks work with."""
        return Watch(self.services.configs, self.base_url)

    @property
    def hot(self) -> Hot:
        """The pool for what is one statement; once something was done, the connection that has done it."""
        return self.services.db.hot if self.over is None else self.over

    @property
    def base_url(self) -> str:
        """The address that links carry."""
        return self.services.base_url

    @property
    def looker(self) -> Looker:
        """Who looks, for what stands around an item in hand."""
        parts: dict[str, Any] = {"hot": self.hot, "who": self.who, "visitor": self.visitor, "config": self.config}
        return Looker(**parts, zone=self.zone, now=utc_now())

    def page(self, name: str, *, status: int = 200, push: str | None = None, **context: Any) -> Template:
        """Render a template with what every page shows; `push` is the address htmx puts in the bar, '' for none."""
        headers = {} if push is None else {"HX-Push-Url": push or "false"}
        shared = {
            "csrf_token": self.visitor.csrf_token,
            "visitor": self.visitor,
            "project": self.who.project,
            "links": places.links_for(self.who),
            "stands": self.who.standing,
            "may_stop": self.who.may(Permission.STOP),
        }
        return Template(template_name=name, context={**shared, **context}, status_code=status, headers=headers)

    async def countdowns(self, item_ids: list[UUID]) -> dict[UUID, Countdown]:
        """Show the clocks of open items that have one."""
        return await self.told_clocks(await self.running(item_ids))

    async def told_clocks(self, clocks: Mapping[UUID, RunningClock]) -> dict[UUID, Countdown]:
        """Show running clocks, each by the configuration that governs it."""
        hours = Hours(utc_now())
        return {each.item_id: countdowns.show(each, await self.policy_of(each), hours) for each in clocks.values()}

    def countdown(self, clock: RunningClock, policy: SlaPolicy | None) -> Countdown:
        """Show one clock."""
        return countdowns.show(clock, policy, Hours(utc_now()))

    async def running(self, item_ids: list[UUID]) -> dict[UUID, RunningClock]:
        """Give the clocks of those of these items that are open and have one."""
        return await due.clocks_of(self.hot, who=self.who, item_ids=item_ids)

    async def policy_of(self, clock: RunningClock) -> SlaPolicy | None:
        """Give the policy a clock runs by, as the configuration has it that governs the clock."""
        config = await self.services.configs.get(self.who.project_id, clock.version)
        return config.sla_policies.get(clock.sla_policy or "")

    async def show(
        self,
        claimed: ClaimedAssignment,
        draft: Draft,
        *,
        outcome: str = "",
        act: str = "",
        status: int = 200,
        push: str | None = None,
        is_draft_used: bool = False,
    ) -> Template:
        """Show an assignment in hand: the whole page, or only the desk; `act` is what `outcome` tells of.

        What is claimed ahead is made ready without being seen: its `act` is "ahead".
        """
        item, item_type = claimed.item, await self.type_of(claimed)
        if act != "ahead":
            await self.note_shown(item)
        seen = await self.look(claimed.pool, claimed)
        before = last.look_back(seen.waiting, self.who, outcome, act)
        rules = await self.rules_of(item)
        bench = Bench(
            project=self.who.project,
            item_type=item_type,
            lease=self.config.pools[claimed.pool].lease,
            conditions=desk.conditions_of(rules),
            known=desk.known_of(item, rules),
            stoppable=await self.stoppable(item),
            may_override=self.who.may(Permission.OVERRIDE),
            frame=self.frame(item, item_type),
            veil=veils.veil_of(self.config, item_type),
        )
        sees = claimed.answers is not None
        history = items.history_of(seen.history, who=self.who, item=item, sees_answers=sees)
        clocks = await self.told_clocks(seen.clocks)
        laid = desk.lay_out(
            claimed,
            bench,
            draft,
            now=utc_now(),
            history=history,
            clock=clocks.get(item.id),
            outcome=before.outcome,
        )
        hand = await around.look(self.looker, claimed, history, seen, clocks, is_draft_used=is_draft_used)
        name = "_desk.html" if self.is_partial else "review.html"
        return self.page(name, status=status, push=push, desk=laid, hand=hand, last=before, reshape=f"{laid.url}/form")

    async def look(self, pool: str | None = None, claimed: ClaimedAssignment | None = None) -> Surroundings:
        """Look around what is in hand: at what the caller keeps and has given, and in a pool at how their day goes."""
        since = habits.day_began(utc_now(), self.zone) if pool else None
        return await surroundings.look(self.hot, who=self.who, pool=pool, since=since, claimed=claimed)

    def frame(self, item: ItemDetail, item_type: ItemType) -> content.Frame:
        """Give what surrounds the content of an item: where its files are fetched, and which may be."""
        whole: dict[str, object] = {
            "input": msgspec.json.decode(item.input),
            "output": msgspec.json.decode(item.output),
            "signals": item.details.signals,
        }
        url = f"/p/{self.who.project}/items/{item.id}"
        return content.Frame(url, self.services.media.hosts, whole, item_type.view, item_type.output_schema)

    async def note_shown(self, item: ItemDetail) -> None:
        """Note that an item stands before the caller's eyes, where that is counted."""
        await exposure.note_shown(self.hot, who=self.who, config=self.config, item_id=item.id, item_type=item.type)

    async def resting(self) -> list[Resting]:
        """Say which item types the caller has seen enough of for now; asks nothing where there are no limits."""
        rests = await exposure.list_rests(self.hot, who=self.who, config=self.config)
        return resting.tell(rests, self.config, self.zone)

    async def stoppable(self, item: ItemDetail) -> list[Stoppable]:
        """Give what the caller may stop of an item: its sender and its type, those that are not stopped already."""
        if not self.who.may(Permission.STOP):
            return []
        stopped = await stops.list_of_item(self.hot, who=self.who, item_id=item.id)
        standing = {(each.kind, each.subject) for each in stopped}
        sender = await stops.find_sender(self.hot, who=self.who, item_id=item.id)
        found = [Stoppable("source", sender.id, gettext("all that %(name)s sends", name=sender.name))] if sender else []
        found.append(Stoppable("item_type", item.type, gettext("all items of type %(name)s", name=item.type)))
        return [each for each in found if (each.kind, each.subject) not in standing]

    async def type_of(self, claimed: ClaimedAssignment) -> ItemType:
        """Give the item type, of the version the item arrived under."""
        item = claimed.item
        return await self.services.item_types.get(self.who.project_id, item.type, item.type_version)

    async def begin(self, claimed: ClaimedAssignment, base: str = desk.MODEL_OUTPUT) -> Draft:
        """Start on an assignment from the model's output, or one of its alternatives."""
        return desk.begin(claimed.item, await self.type_of(claimed), base, claimed.answers or ())

    async def take_up(self, claimed: ClaimedAssignment, pairs: Pairs) -> Draft:
        """Read what was sent about an assignment in hand."""
        return desk.take_up(claimed.item, await self.type_of(claimed), pairs, claimed.answers or ())

    async def take_up_held(self, held: Judged, pairs: Pairs) -> Draft:
        """Read what was sent about an assignment whose seat and item are locked; they have seen it by now."""
        await self._see(held.seat)
        answers = await queueing.answers_of(self.hot, who=self.who, seat=held.seat) if held.seat.sees_answers else ()
        return desk.take_up(held.item, held.standing.item_type, pairs, answers)

    async def held(self, assignment_id: UUID, act: Act | None = None) -> ClaimedAssignment:
        """Give an assignment the caller holds; `act` is what they are about to do with it, so they have seen it.

        Raises:
            AssignmentNotFound (404), LeaseLost (409).
        """
        return await self.take(await self.seat_of(assignment_id), act)

    async def take(self, seat: Seat, act: Act | None = None, *, is_seen: bool = False) -> ClaimedAssignment:
        """Give what the caller holds by its seat as it was read; `is_seen` if it is about to be before their eyes.

        Raises:
            LeaseLost (409).
        """
        await queueing.check_held(self.hot, who=self.who, seat=seat, act=act)
        if act is not None or is_seen:
            await self._see(seat)
        return await queueing.show_held(self.hot, who=self.who, seat=seat, config=self.config, base_url=self.base_url)

    async def seat_of(self, assignment_id: UUID) -> Seat:
        """Give an assignment as it is, without its item.

        Raises:
            AssignmentNotFound (404).
        """
        return await queueing.get_known_seat(self.hot, who=self.who, assignment_id=assignment_id)

    async def pool_of(self, assignment_id: UUID, act: Act) -> str:
        """Give the pool of what the caller holds and is about to act on, without reading its item.

        Raises:
            AssignmentNotFound (404), LeaseLost (409).
        """
        seat = await self.seat_of(assignment_id)
        await queueing.check_held(self.hot, who=self.who, seat=seat, act=act)
        await self._see(seat)
        return seat.pool

    async def _see(self, seat: Seat) -> None:
        """Count an assignment as before the caller from now on, if it was claimed ahead."""
        if seat.is_ahead:
            only = seat.id, seat.fence
            await ahead.show(self.hot, who=self.who, pool=seat.pool, config=self.config, only=only)

    async def seeing(self, tx: AsyncSession) -> "Work":
        """Give the same view from within a transaction: what it has done counts, and what follows goes with it."""
        await tx.flush()
        return replace(self, over=await driver_of(tx))

    async def onward(
        self,
        pool: str,
        act: str,
        outcome: str = "",
        *,
        shown: Reserved | None = None,
        has_next: bool | None = None,
        is_again: bool = False,
    ) -> Response[Any]:
        """Put the pool's next assignment before the caller at once, or say that nothing is left.

        Where the page shows one already that it had claimed ahead, that one is in hand from now on, and what changes of
        the page is what it says besides the item; `has_next` tells whether the act has done that, None where it did not
        try. `is_again` if this was asked before, so that the next may be in hand.
        """
        outcome = outcome or one_of(SAID, act)
        here = f"/p/{self.who.project}"
        key: dict[str, Any] = {"who": self.who, "pool": pool, "config": self.config, "is_again": is_again}
        if shown is not None and has_next is None:
            has_next = await ahead.show(self.hot, **key, only=shown)
        if shown is not None and has_next:
            if exposure.is_counting(self.config):
                await self.note_shown((await self.held(shown[0])).item)
            return self.page("_desk_seen.html", push="", **await self._said(pool, shown[0], outcome, act))
        claimed = await self._claim_next(pool, is_again=is_again)
        if not self.is_partial:
            path = f"/assignments/{claimed[0].id}" if claimed else f"/pools/{pool}"
            return Redirect(f"{here}{path}?done={act}", status_code=303)
        if not claimed:
            said = await self._said(pool, None, outcome, act)
            said |= {"pool_title": self.config.pools[pool].title, "resting": await self.resting()}
            return self.page("_nothing.html", push=f"{here}/pools/{pool}", **said)
        url = f"{here}/assignments/{claimed[0].id}"
        return await self.show(claimed[0], await self.begin(claimed[0]), outcome=outcome, act=act, push=url)

    async def _said(self, pool: str, assignment_id: UUID | None, outcome: str, act: str) -> dict[str, Any]:
        """Say what became of the verdict, and how the day goes, where no other item comes with the answer."""
        seen = await self.look(pool)
        clocks = await self.told_clocks(seen.clocks)
        day = around.day_of(self.looker, pool, assignment_id, seen, clocks)
        return {"day": day, "last": last.look_back(seen.waiting, self.who, outcome, act)}

    async def find_in_hand(self, pool: str) -> UUID | None:
        """Find what the caller has in hand of a pool, besides what is pinned."""
        kept = await pinning.list_kept(self.hot, who=self.who)
        pinned = {each.assignment_id for each in kept if each.kind == around.PINNED}
        held = await overview.held_by(self.hot, who=self.who)
        mine = (each.assignment_id for each in held if each.pool == pool)
        return next((each for each in mine if each not in pinned), None)

    async def _claim_next(self, pool: str, *, is_again: bool) -> list[ClaimedAssignment]:
        """Claim one more: first what came back to the caller, then what they have ahead, then the pool's most urgent.

        Somebody who has left the pool meanwhile gets none, and what they just did still counts.
        """
        kept = await self.find_in_hand(pool) if is_again else None
        kept = kept or await ahead.resume(self.hot, who=self.who, pool=pool, config=self.config)
        if kept is not None:
            return [await self.held(kept)]
        try:
            return await queueing.claim(
                self.hot, who=self.who, pool=pool, limit=1, config=self.config, base_url=self.base_url
            )
        except PoolNotFound:
            return []

    async def rules_of(self, item: ItemDetail) -> RuleSet | None:
        """Give the rules that routed an item, as they stood then."""
        route: object = msgspec.json.decode(item.route)
        version = route.get("ruleset_version") if is_object(route) else None
        if not isinstance(version, int) or not 0 < version < 2**31:
            return None
        active = self.config.ruleset
        is_active = version == active.version
        return active if is_active else await self.services.configs.find_rules(self.who.project_id, version)


InHand: TypeAlias = NamedDependency[Work]


async def provide_work(request: AnyRequest, services: Svc, who: Who) -> Work:
    """Give what a project's pages share."""
    is_partial = request.headers.get("hx-request") == "true"
    return Work(services, who, request.auth, await services.config_of(who), is_partial)


WORK = {"work": Provide(provide_work)}
