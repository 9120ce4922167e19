"""Two projects side by side with something of everything in each, and callers of every role in one of them."""

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import update

from review.audit.rules import OPERATOR
from review.bulk.schemas import Asked, Kind
from review.configuration import service as configuration
from review.configuration.service import ConfigCache
from review.datasets.selections import service as selections
from review.datasets.selections.models import Dataset
from review.datasets.selections.rules import Definition
from review.datasets.snapshots import service as snapshots
from review.decisions.rules import Verdict
from review.delivery.feed import service as feed
from review.delivery.webhooks import service as webhooks
from review.erasure import service as erasures
from review.erasure.schemas import ErasureIn
from review.identity import keyring, keys
from review.identity.rules import Permission, Role
from review.kernel.db import Database, get_now
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from review.registry import queries as registry
from review.registry.rules import Called
from review.rehearsal import service as rehearsal
from review.rehearsal.service import Wanted
from tests.bulk.acts import ask
from tests.make import BASE_URL, CONFIG, PASSWORD, World
from tests.web.matrix import CUSTOM, ROLES, Route
from tests.web.rows import PLAIN, Way

OWN = "where is my card"  # words that stand in the caller's project and pool,
FOREIGN, HIDDEN = "quetzal", "ocelot"  # and in the other project, and in the other pool, alone
OUTLETS = """
webhooks: [{{name: {name}, url: 'https://{name}.example/hook', events: [item.decided]}}]
channels: {{{name}: {{url: 'json://{name}.example'}}}}
roles: {{{custom}: {{title: A lead of pools, may: [{may}]}}}}
"""
Things = dict[str, Any]


def configured(project: str, name: str) -> str:
    """Write a project's configuration, with an endpoint, a channel and a pool of this name."""
    may = ", ".join(sorted(ROLES[CUSTOM]))
    source = CONFIG.format(project=project).replace("  seniors: ", f"  {name}: {{}}\n  seniors: ")
    source = source.replace("pools:\n", f"  {name}_type: {{input_schema: true, output_schema: true}}\npools:\n")
    return source + OUTLETS.format(name=name, custom=CUSTOM, may=may)


@dataclass(frozen=True)
class Caller:
    """Somebody with a role in the project: what they call the API with, and what their browser holds."""

    role: str
    secret: str
    cookie: str
    csrf: str


@dataclass
class Scene:
    """The project, the other one, and one caller of one role."""

    http: httpx.AsyncClient
    world: World
    other: World
    caller: Caller
    own: Things
    foreign: Things
    hidden: Things

    @classmethod
    async def build(cls, http: httpx.AsyncClient, db: Database, settings: Settings, role: str) -> "Scene":
        """Fill both projects, and bring the caller in."""
        world = await World.build(db, settings, source=configured("support", "crm"))
        other = await World.build(db, settings, "elsewhere", configured("elsewhere", FOREIGN))
        caller = await enter(http, world, role)
        own = await _things(world, "crm", OWN, holder=caller.role)
        foreign = await _things(other, FOREIGN, FOREIGN, holder="lea")
        hidden_item = (await world.submit(HIDDEN, tags=["vip"], external_id=f"{HIDDEN}-1")).item.id
        (held,) = await world.claim("sam", pool="seniors")
        hidden = {"item_id": hidden_item, "assignment_id": held.id, "pool": "seniors"}
        await world.submit(HIDDEN, tags=["vip"], external_id=f"{HIDDEN}-2")
        await feed.relay(feed.Post(db, ConfigCache(db), lambda _: None, BASE_URL))
        return cls(http, world, other, caller, own, foreign, hidden)

    async def call(self, route: Route, things: Things, way: Way = PLAIN, *, project: str = "support") -> httpx.Response:
        """Make a call as the caller, of things by the names that paths give them."""
        headers = dict(way.headers)
        given: dict[str, Any] = {}
        if route.is_api:
            headers["authorization"] = f"Bearer {self.caller.secret}"
            given = {} if route.row.body is None else {"json": route.row.body}
        else:
            headers["cookie"] = f"countersign={self.caller.cookie}"
            if route.method == "POST":
                given = {"data": {"_csrf": self.caller.csrf, **route.row.form}}
        self.http.cookies.clear()
        address = addressed(route, things, project) + way.query
        return await self.http.request(route.method, address, headers=headers, **given)


def addressed(route: Route, things: Things, project: str = "support") -> str:
    """Fill in the path of a call."""
    known = {
        "project": project,
        "version": 999,
        "file_path": "icon.svg",
        "provider": "nobody",
        "link": "x",
        "digest": "0",
        **things,
    }
    missing = [name for name in route.names if name not in known]
    assert not missing, f"{route.name} names {missing}: add such a thing to _things() in tests/web/scene.py"
    return route.path.format(**known)


def unknown() -> Things:
    """Give things that are nowhere."""
    ids = (
        "item_id",
        "assignment_id",
        "delivery_id",
        "person_id",
        "key_id",
        "source_id",
        "token_id",
        "comment_id",
        "question_id",
        "view_id",
        "stop_id",
        "act_id",
        "backtest_id",
        "version_id",
        "rollout_id",
        "erasure_id",
    )
    names = dict.fromkeys(("pool", "name", "channel", "item_type", "file"), "nothing-here")
    return {name: uuid4() for name in ids} | names | {"number": 2_000_000, "import_number": 2_000_000, "act": "stop"}


def said(answer: httpx.Response, things: Things) -> tuple[int, str]:
    """Give an answer without what it was asked for, so that two can be compared."""
    text = answer.text
    for thing in sorted(things.values(), key=lambda each: -len(str(each))):
        text = text.replace(str(thing), "…")
    return answer.status_code, re.sub(r"\s+", " ", text)


async def enter(http: httpx.AsyncClient, world: World, role: str) -> Caller:
    """Make somebody of a role, in the pool triage, with a token and a session; for `service` there is the key."""
    if role == Role.SERVICE:
        return Caller("service", world.service_key, "", "")
    email = f"{role}@example.com"
    await world.add_person(role, role, password=PASSWORD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', $2, 'direct')", world.service.project_id, email
    )
    signed_in = await http.post("/sign-in", data={"email": email, "password": PASSWORD})
    cookie = signed_in.cookies["countersign"]
    csrf = await world.db.hot.fetchval("SELECT csrf_token FROM sessions ORDER BY created_at DESC LIMIT 1")
    return Caller(role, world.tokens[role], cookie, csrf)


async def _things(world: World, name: str, text: str, *, holder: str) -> Things:
    """Make something of everything in a project, held by somebody who may; the words of `text` stand in all of it."""
    project_id = world.service.project_id
    decided = await world.submit(text, external_id=f"{text}-0", tags=[text], confidence=0.95)
    await world.submit(text, external_id=f"{text}-2", tags=[text])
    (judged,) = await world.claim("cleo")
    await world.judge("cleo", judged, "approve", comment=text)
    item = (await world.submit(text, external_id=f"{text}-1", tags=[text])).item.id
    works = holder in world.people and Permission.WORK in world.people[holder].permissions
    (held,) = await world.claim(holder if works else "ana")
    spare = await world.add_person(f"{name}-spare", Role.REVIEWER)
    mine = world.people.get(holder, spare)
    async with world.db.transaction() as tx:
        await webhooks.sync(tx, project_id, (await world.configs.get(project_id, world.service.config_version)))
        await keys.create_key(tx, project=world.project, name=name, role=Role.SERVICE, actor=OPERATOR)
        await keys.create_token(tx, project=world.project, email=mine.email, name=f"{name}-token", actor=OPERATOR)
        listed = (await keyring.list_keys(tx, project_id, limit=200)).data
    return {
        "item_id": item,
        "assignment_id": held.id,
        "pool": "triage" if name == "crm" else name,
        "name": name,
        "channel": name,
        "delivery_id": await _deliver(world, name, decided.item.id),
        "person_id": spare.id,
        "key_id": (key_id := next(each.id for each in listed if each.name == name)),
        "source_id": key_id,
        "item_type": f"{name}_type",
        "act_id": await _act(world, holder if works else "ana", item, text),
        "backtest_id": await _backtest(world),
        "number": await _snapshot(world, name),
        "import_number": await _import(world, 48_150 + len(name), text),  # another one in each project
        "file": "all-00000.parquet",
        "act": "stop",
        "version_id": await _version(world, text),
        "rollout_id": await _rollout(world, text),
        "erasure_id": await _erasure(world, decided.item.id),
        "comment_id": uuid4(),
        "question_id": uuid4(),
        "view_id": uuid4(),
        "stop_id": uuid4(),
        "token_id": next(each.id for each in listed if each.name == f"{name}-token"),
    }


async def _act(world: World, name: str, item_id: UUID, text: str) -> UUID:
    """Have somebody ask for an act on many items that is not done yet."""
    asked = Asked(act=Kind.DECIDE, verdict=Verdict.REJECT, reason=text)
    return (await ask(world, name, asked, [item_id], grace=3600)).id


async def _erasure(world: World, item_id: UUID) -> UUID:
    """Have an erasure asked for that no worker has taken up yet."""
    async with world.db.transaction() as tx:
        asked = ErasureIn(reason="they asked", item_id=item_id)
        return (await erasures.request(tx, who=world.service, asked=asked)).id


async def _version(world: World, text: str) -> UUID:
    """Have a model version registered that nobody has cleared."""
    now, called = await get_now(world.db.hot), Called(text, text, text)
    return await registry.add(world.db.hot, world.service.project_id, called, 1, (now, now), "seen")


async def _backtest(world: World) -> UUID:
    """Have a backtest begun that no worker has taken up yet."""
    async with world.db.transaction() as tx:
        wanted = Wanted(from_version=1, to_version=1)
        return (
            await rehearsal.begin(tx, project_id=world.service.project_id, actor=world.service.actor, wanted=wanted)
        ).id


async def _snapshot(world: World, name: str) -> int:
    """Have a snapshot of a dataset begun that no worker has taken up yet."""
    async with world.db.transaction() as tx:
        who = world.service
        await selections.create(tx, who=who, name=name, description="", definition=Definition())
        await tx.execute(
            update(Dataset).where(Dataset.project_id == who.project_id).values(last_number=4_710)
        )  # a number that is found in nothing else
        begun = await snapshots.begin(tx, world.settings, project_id=who.project_id, actor=who.actor, dataset=name)
    return begun.number


async def _import(world: World, number: int, text: str) -> int:
    """Have a file taken in that no worker has taken up yet; it has left out a row."""
    import_id = new_id()
    await world.db.hot.execute(
        "INSERT INTO imports (project_id, id, number, asked, layout, bytes, sha256, acted_kind, acted_by, permissions,"
        " requested_by, left_out, kept) VALUES ($1, $2, $3, $4, 'jsonl', 1, '', 'key', $2, '{}', $5, 1, 1)",
        *(world.service.project_id, import_id, number),
        json.dumps({"name": text, "type": "ticket_intent", "how": "decided", "mapping": {}}),
        text,
    )
    await world.db.hot.execute(
        "INSERT INTO import_faults (project_id, import_id, number, line, reason, row) VALUES ($1, $2, 1, 1, $3, $4)",
        *(world.service.project_id, import_id, text, json.dumps(text)),
    )
    return number


async def _rollout(world: World, text: str) -> UUID:
    """Have a rollout in the shadow that takes nothing."""
    rollout_id = new_id()
    await world.db.hot.execute(
        "INSERT INTO rollouts (project_id, id, version, from_version, state, reason, started_by, position)"
        " VALUES ($1, $2, 1, 1, 'shadow', $3, 'somebody', 0)",
        *(world.service.project_id, rollout_id, text),
    )
    return rollout_id


async def _deliver(world: World, name: str, item_id: UUID) -> UUID:
    """Make a delivery that was given up."""
    project_id, event_id, delivery_id = world.service.project_id, new_id(), new_id()
    await world.db.hot.execute(
        "INSERT INTO events (project_id, id, kind, item_id, payload) VALUES ($1, $2, 'item.decided', $3, '{}')",
        *(project_id, event_id, item_id),
    )
    await world.db.hot.execute(
        "INSERT INTO deliveries (project_id, id, endpoint_id, event_id, state, attempts, reason)"
        " SELECT $1, $2, id, $3, 'dead', 1, $4 FROM webhook_endpoints WHERE project_id = $1",
        *(project_id, delivery_id, event_id, name),
    )
    return delivery_id


async def add_role(world: World) -> None:
    """Give a project of the usual configuration the custom role."""
    async with world.db.transaction() as tx:
        await configuration.apply(tx, configured(world.project, "crm"), actor=OPERATOR)
