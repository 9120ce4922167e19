"""Everything a page needs to put the next item before a reviewer: connections, caller, configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from litestar.di import NamedDependency, Provide
from litestar.response import Redirect, Response, Template

from review.configuration.rules import ProjectConfig
from review.identity.rules import Permission, Principal
from review.identity.sessions import Visitor
from review.intake import stops
from review.items import service as items
from review.items.schemas import ItemDetail
from review.items.types import ItemType
from review.kernel.clock import utc_now
from review.kernel.db import Hot
from review.queueing import ahead, due
from review.queueing import service as queueing
from review.queueing.due import RunningClock
from review.queueing.errors import PoolNotFound
from review.queueing.rules import Act
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import pending
from review.reviewing.pending import Given
from review.sla.rules import SlaPolicy
from review.web.pages import countdowns, desk, places
from review.web.pages.countdowns import Hours
from review.web.pages.desk import Bench, Draft
from review.web.pages.reading import SAID, Pairs
from review.web.pages.views import Countdown, Dropped, Stoppable, Undo
from review.web.services import AnyRequest, Services, Svc, Who
from review.web.shapes import is_object

Reserved: TypeAlias = tuple[UUID, int]  # an assignment claimed ahead, and its fence


@dataclass(frozen=True)
class Aside:
    """What a page says of verdicts besides the item in hand; `outcome` is what was just done."""

    outcome: str
    undo: Undo | None
    dropped: list[Dropped]


@dataclass(frozen=True)
class Work:
    """One request's view of the project it is in; `is_partial` if htmx asked and wants only what it swaps."""

    services: Services
    who: Principal
    visitor: Visitor
    config: ProjectConfig
    is_partial: bool

    @property
    def hot(self) -> Hot:
        """The pool for what is one statement."""
        return self.services.db.hot

    @property
    def base_url(self) -> str:
        """The address that links carry."""
        return self.services.base_url

    def page(self, name: str, *, status: int = 200, push: str | None = None, **context: Any) -> Template:
        """Render a template with what every page shows; `push` is the address htmx puts in the bar, '' for none."""
        headers = {} if push is None else {"HX-Push-Url": push or "false"}
        shared = {
            "csrf_token": self.visitor.csrf_token,
            "visitor": self.visitor,
            "project": self.who.project,
            "links": places.links_for(self.who),
        }
        return Template(template_name=name, context={**shared, **context}, status_code=status, headers=headers)

    async def countdowns(self, item_ids: list[UUID]) -> dict[UUID, Countdown]:
        """Show the clocks of open items that have one, each by the configuration that governs it."""
        clocks = await self.running(item_ids)
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
        given: Given | None = None,
        status: int = 200,
        push: str | None = None,
    ) -> Template:
        """Show an assignment in hand: the whole page, or only the desk; `given` is a verdict of this very request."""
        item = claimed.item
        aside = await self.aside(given, outcome)
        bench = Bench(
            project=self.who.project,
            item_type=await self.type_of(claimed),
            lease=self.config.pools[claimed.pool].lease,
            conditions=self.conditions(item),
            stoppable=await self.stoppable(item),
            may_override=self.who.may(Permission.OVERRIDE),
            undo=aside.undo,
            dropped=aside.dropped,
        )
        history = await items.list_history(self.hot, who=self.who, item_id=item.id, base_url=self.base_url)
        clock = (await self.countdowns([item.id])).get(item.id)
        laid = desk.lay_out(
            claimed,
            bench,
            draft,
            now=utc_now(),
            history=history,
            clock=clock,
            outcome=aside.outcome,
        )
        name = "_desk.html" if self.is_partial else "review.html"
        return self.page(name, status=status, push=push, desk=laid, reshape=f"{laid.url}/form")

    async def aside(self, given: Given | None = None, outcome: str = "") -> Aside:
        """Give what a page says of verdicts besides the item: what was done last, how to undo it, what came to nothing.

        A verdict of this very request is not in the database yet, so that it is handed in.
        """
        here = f"/p/{self.who.project}"
        mine = await pending.list_mine(self.hot, who=self.who)
        dropped = [
            Dropped(f"{here}/items/{each.item_id}", each.external_id or str(each.item_id), each.dropped_because)
            for each in mine
            if each.dropped_because is not None
        ]
        waiting = [each for each in mine if each.dropped_because is None and each.seconds_left > 0]
        undo = None
        if given is not None and given.seconds:
            undo = _undo(here, given.assignment_id, given.fence, given.seconds)
        elif given is None and waiting:
            undo = _undo(here, waiting[0].assignment_id, waiting[0].fence, waiting[0].seconds_left)
            outcome = outcome or SAID.get(waiting[0].verdict, "")
        return Aside(outcome, undo, dropped)

    async def stoppable(self, item: ItemDetail) -> list[Stoppable]:
        """Give what the caller may stop of an item: its sender and its type, those that are not stopped already."""
        if not self.who.may(Permission.STOP):
            return []
        stopped = await stops.list_of_item(self.hot, who=self.who, item_id=item.id)
        standing = {(each.kind, each.subject) for each in stopped}
        sender = await stops.find_sender(self.hot, who=self.who, item_id=item.id)
        found = [Stoppable("source", sender.id, f"all that {sender.name} sends")] if sender else []
        found.append(Stoppable("item_type", item.type, f"all items of type {item.type}"))
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

    async def held(self, assignment_id: UUID, act: Act | None = None, hot: "Hot | None" = None) -> ClaimedAssignment:
        """Give an assignment the caller holds; `act` is what they are about to do with it.

        With a transaction's own connection it is read as that leaves it.

        Raises:
            AssignmentNotFound (404), LeaseLost (409).
        """
        return await queueing.get_held(
            hot or self.hot,
            who=self.who,
            assignment_id=assignment_id,
            config=self.config,
            base_url=self.base_url,
            act=act,
        )

    async def onward(
        self, pool: str, act: str, outcome: str = "", *, given: Given | None = None, shown: Reserved | None = None
    ) -> Response[Any]:
        """Claim the pool's next assignment and show it at once, or say that nothing is left.

        Where the page shows one already that it had claimed ahead, that one is in hand from now on, and what changes of
        the page is what it says of the last verdict.
        """
        outcome = outcome or SAID[act]
        here = f"/p/{self.who.project}"
        if shown is not None and await ahead.show(self.hot, who=self.who, pool=pool, config=self.config, only=shown):
            return self.page("_desk_rest.html", desk=await self.aside(given, outcome))
        claimed = await self._claim_next(pool)
        if not self.is_partial:
            path = f"/assignments/{claimed[0].id}" if claimed else f"/pools/{pool}"
            return Redirect(f"{here}{path}?done={act}", status_code=303)
        if not claimed:
            named = self.config.pools[pool].title
            return self.page(
                "_nothing.html", push=f"{here}/pools/{pool}", pool_title=named, desk=await self.aside(given, outcome)
            )
        url = f"{here}/assignments/{claimed[0].id}"
        draft = await self.begin(claimed[0])
        return await self.show(claimed[0], draft, outcome=outcome, given=given, push=url)

    async def _claim_next(self, pool: str) -> list[ClaimedAssignment]:
        """Claim one more, first what is claimed ahead.

        Somebody who has left the pool meanwhile gets none, and what they just did still counts.
        """
        kept = await ahead.show(self.hot, who=self.who, pool=pool, config=self.config)
        if kept is not None:
            return [await self.held(kept)]
        try:
            return await queueing.claim(
                self.hot, who=self.who, pool=pool, limit=1, config=self.config, base_url=self.base_url
            )
        except PoolNotFound:
            return []

    def conditions(self, item: ItemDetail) -> Mapping[str, str]:
        """Give the texts of the rules that routed an item, if they are still the active ones."""
        route: object = msgspec.json.decode(item.route)
        ruleset = self.config.ruleset
        if not is_object(route) or route.get("ruleset_version") != ruleset.version:
            return {}
        return {rule.name: rule.condition.source for rule in ruleset.rules}


def _undo(here: str, assignment_id: UUID, fence: int, seconds: float) -> Undo:
    return Undo(url=f"{here}/assignments/{assignment_id}/undo", fence=fence, seconds=max(1, int(seconds)))


InHand: TypeAlias = NamedDependency[Work]


async def provide_work(request: AnyRequest, services: Svc, who: Who) -> Work:
    """Give what a project's pages share."""
    is_partial = request.headers.get("hx-request") == "true"
    return Work(services, who, request.auth, await services.config_of(who), is_partial)


WORK = {"work": Provide(provide_work)}
