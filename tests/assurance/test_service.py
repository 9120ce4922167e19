"""Issue 6, points 5 and 6: what was let through and audited, from intake to estimate, advice and candidate."""

from typing import Any

import httpx
import pytest

from review.assurance import service as assurance
from review.assurance.editing import with_threshold
from review.assurance.errors import NothingAdvised
from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.rules import compile_config
from review.identity import keys
from review.identity.rules import Role
from review.routing import rules
from tests.make import CONFIG, PASSWORD, World

AUDIT = "audit: {pool: seniors, share: 1.0, bands: [0.9]}\n"
MODEL: dict[str, Any] = {"model": {"name": "clf", "version": "2"}, "confidence": 0.95}


async def audited(world: World, section: str = AUDIT) -> None:
    """Have everything that is let through looked at too."""
    async with world.db.transaction() as tx:
        await configuration.apply(tx, CONFIG.format(project="support") + section, actor=OPERATOR)
    world.service = await keys.authenticate_key(world.db.hot, world.service_key)
    world.config = await world.configs.get(world.service.project_id, world.service.config_version)


async def asked(http: httpx.AsyncClient, world: World, path: str, name: str = "lea") -> Any:
    answer = await http.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {world.tokens[name]}"})
    return answer.json()


async def judged(world: World, verdicts: str) -> None:
    for verdict in verdicts.split():
        await world.submit(**MODEL)
        (held,) = await world.claim("sam", pool="seniors")
        output = {"output": {"label": "refund"}} if verdict == "correct" else {}
        await world.judge("sam", held, verdict, **output)


async def test_audited_items_are_judged_blind_and_counted(http: httpx.AsyncClient, world: World) -> None:
    await audited(world)
    await judged(world, "approve approve correct reject approve")
    await world.submit(**MODEL)
    (held,) = await world.claim("sam", pool="seniors")
    shown = await asked(http, world, f"items/{held.item.id}", "sam")
    assert "audit" not in shown["route"], "nobody is told while it is open"
    assert shown["route"]["inclusion_probability"] is None
    await world.judge("sam", held, "approve")
    told = await asked(http, world, f"items/{held.item.id}")
    assert told["route"]["audit"] == {"share": 1.0, "drawn": True, "outcome": "approve", "told": False}
    (found,) = (await asked(http, world, "assurance/estimates"))["data"]
    assert (found["type"], found["model"], found["version"], found["rule"]) == ("ticket_intent", "clf", "2", "rest")
    assert (found["band"], found["items"], found["judged"], found["errors"]) == ("0.9–1", 6, 6, 2)
    assert found["rate"] == pytest.approx(2 / 6)
    assert found["is_exact"]
    advice = await asked(http, world, "assurance/advice?type=ticket_intent&model=clf@2&bound=0.5&confidence=0.5")
    assert advice["threshold"] is not None
    refused = await asked(http, world, "assurance/advice?type=ticket_intent&model=clf@2")
    assert (refused["threshold"], refused["reason"], refused["needed"]) == (None, "too_little", 143)
    assert (await asked(http, world, "assurance/estimates", "ana"))["code"] == "not_permitted"


async def test_what_was_let_through_stands_in_the_count(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audited(world, "audit: {pool: seniors, share: 0.001, told: true}\n")
    monkeypatch.setattr(rules, "is_drawn", lambda *_given: False)  # one item in a thousand would be
    let_through = [(await world.submit(**MODEL)).item for _ in range(3)]
    assert {each.status for each in let_through} == {"decided"}
    (found,) = (await asked(http, world, "assurance/estimates"))["data"]
    assert (found["items"], found["drawn"], found["rate"], found["low"], found["high"]) == (3, 0, None, 0.0, 1.0)


async def test_an_advised_threshold_becomes_a_candidate(world: World) -> None:
    await audited(world)
    await judged(world, "approve " * 6)
    boss = await world.add_person("boss", Role.ADMIN)
    wanted = assurance.Asked(type="ticket_intent", model="clf@2", bound=0.4, confidence=0.8)
    async with world.db.transaction() as tx:
        version = await assurance.propose(tx, world.db.hot, who=boss, asked=wanted)
    async with world.db.transaction() as tx:
        assert "item.confidence < 0.01'" in await configuration.read(tx, project="support", version=version)
        assert "item.confidence < 0.8'" in await configuration.read(tx, project="support")
    nobody = assurance.Asked(type="ticket_intent", model="another@1")
    async with world.db.transaction() as tx:
        with pytest.raises(NothingAdvised):
            await assurance.propose(tx, world.db.hot, who=boss, asked=nobody)


def test_only_a_plain_rule_of_the_type_is_edited() -> None:
    source = CONFIG.format(project="support")
    assert with_threshold(source, "ticket_intent", 0.73) == source.replace("< 0.8'", "< 0.73'")
    assert with_threshold(source.replace("< 0.8'", "< 0.8 || false'"), "ticket_intent", 0.7) is None
    assert with_threshold(source, "another", 0.7) is None
    named = source.replace("'item.confidence < 0.8'", "'item.type == \"ticket_intent\" && item.confidence < .5'")
    assert "item.confidence < 0.7'" in (with_threshold(named, "ticket_intent", 0.7) or "")


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ("audit: 3\n", "audit"),
        ("audit: {share: 0.1}\n", "audit"),
        ("audit: {pool: nowhere, share: 0.1}\n", "audit.pool"),
        ("audit: {pool: seniors, share: 2}\n", "audit.share"),
        ("audit: {pool: seniors, share: 0.1, at_least: 0.0001}\n", "audit.at_least"),
        ("audit: {pool: seniors, share: 0.1, types: [other]}\n", "audit.types[0]"),
        ("audit: {pool: seniors, share: 0.1, bands: [0.9, 0.5]}\n", "audit.bands"),
        ("audit: {pool: seniors, share: 0.1, strata: [{share: 0.5, rule: blocked}]}\n", "audit.strata[0].rule"),
        (
            "audit: {pool: seniors, share: 0.1, strata: [{share: 1, from: 0.9, below: 0.8}]}\n",
            "audit.strata[0].below",
        ),
        ("audit: {pool: seniors, share: 0.1, active: {signals: {odd: 7}}}\n", "audit.active.signals.odd"),
        ("audit: {pool: seniors, share: 0.1, active: {novelty: 0.3}}\n", "audit.active.novelty"),
        (
            "audit: {pool: seniors, share: 0.1, active: {novelty: 0.3, seen: {output.word: {a: 1}}}}\n",
            "audit.active.seen.output.word",
        ),
        (
            "audit: {pool: seniors, share: 0.1, active: {novelty: 0.3, seen: {output.label: {refund: -1}}}}\n",
            "audit.active.seen.output.label.refund",
        ),
        ("audit: {pool: seniors, share: 0.1, told: perhaps}\n", "audit.told"),
    ],
)
def test_faults_of_the_audit_section_are_named(section: str, path: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refusal:
        compile_config(parse(CONFIG.format(project="support") + section))
    assert path in [fault.path for fault in refusal.value.faults]


async def test_the_page_shows_the_estimate_and_the_advice(http: httpx.AsyncClient, world: World) -> None:
    await audited(world)
    await judged(world, "approve " * 6)
    await world.add_person("boss", Role.ADMIN, password=PASSWORD)
    await http.post("/sign-in", data={"email": "boss@example.com", "password": PASSWORD})
    query = "?of=ticket_intent%7Cclf%402&bound=10&sure=90"
    shown = (await http.get(f"/p/support/assurance{query}", headers={"accept": "text/html"})).text
    assert 'class="interval"' in shown
    assert "No threshold can be advised" in shown
    assert "about 16 more items" in shown
