"""Issue 6.5: what is unlike what was seen is looked at more often, and the estimates stay unbiased."""

import statistics
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest

from review.assurance.estimates import Group, Stratum, put_together
from review.configuration.document import parse
from review.configuration.rules import compile_config
from review.routing.conditions import compile_condition
from review.routing.rules import Rule, RuleSet, route
from review.routing.sampling import Active, Audit, AuditPlan
from tests.make import CONFIG, World, submission

SEEN = {"output.label": {"usual": 500, "seldom": 5}, "tags": {"web": 90}}
ACTIVE = Active(novelty=0.4, enough=20, seen=SEEN)
ITEMS = {"usual": (1_800, 0.02), "seldom": (120, 0.2), "new": (80, 0.5)}  # how many, and how many of them are wrong


def item(label: Any, **more: Any) -> dict[str, Any]:
    return {"type": "t", "confidence": 0.97, "input": {}, "output": {"label": label}, "tags": []} | more


@pytest.mark.parametrize(
    ("given", "novelty"),
    [
        (item("usual"), 0.0),
        (item("seldom"), 0.75),
        (item("new"), 1.0),
        (item("usual", tags=["web"]), 0.0),
        (item("usual", tags=["web", "fax"]), 1.0),
        (item(None), 0.0),
        (item({"of": "no use"}), 0.0),
        (item(7), 1.0),
        ({"type": "another", "output": "text"}, 0.0),
    ],
)
def test_what_was_seen_enough_is_no_novelty(given: dict[str, Any], novelty: float) -> None:
    assert ACTIVE.novelty_of(given) == pytest.approx(novelty)
    assert ACTIVE.raise_of(given) == pytest.approx(0.4 * novelty)


def test_over_many_samples_the_weighed_estimate_is_the_truth_and_the_plain_one_is_not() -> None:
    """The chance of each item is known by its route, so weighing undoes what novelty drew too much of."""
    rules = RuleSet.of(
        1,
        (Rule(name="rest", condition=compile_condition("true"), action="approve"),),
        audit=AuditPlan(pool="audit", share=0.1, at_least=0.05, active=ACTIVE),
    )
    wrong = {name: round(count * rate) for name, (count, rate) in ITEMS.items()}
    truth = sum(wrong.values()) / sum(count for count, _ in ITEMS.values())
    weighed: list[float] = []
    plain: list[float] = []
    for world in range(20):
        counted: Counter[tuple[float, str]] = Counter()
        for at, (name, number) in enumerate((name, n) for name, (count, _) in ITEMS.items() for n in range(count)):
            taken = route(rules, item(name), UUID(int=world * 10_000 + at), "default")
            assert isinstance(taken.audit, Audit)
            counted[taken.audit.share, "items"] += 1
            counted[taken.audit.share, "drawn"] += taken.audit.drawn
            counted[taken.audit.share, "errors"] += taken.audit.drawn and number < wrong[name]
        shares = sorted({share for share, _ in counted})
        groups = [
            Group(
                stratum=Stratum("t", "m", "1", "", 0),
                share=share,
                items=counted[share, "items"],
                drawn=counted[share, "drawn"],
                judged=counted[share, "drawn"],
                errors=counted[share, "errors"],
            )
            for share in shares
        ]
        assert shares == [0.1, 0.4, 0.5]
        rate = put_together(groups).rate
        assert rate is not None
        weighed.append(rate)
        plain.append(sum(each.errors for each in groups) / sum(each.judged for each in groups))
    spread = statistics.stdev(weighed) / len(weighed) ** 0.5
    assert abs(statistics.mean(weighed) - truth) < 3 * spread
    assert abs(statistics.mean(plain) - truth) > 10 * spread, "the same check finds the plain rate out"


def test_a_document_freezes_its_table_in_the_version() -> None:
    section = "audit: {pool: seniors, share: 0.1, active: {novelty: 0.3, seen: {output.label: {refund: 4}}}}\n"
    plan = compile_config(parse(CONFIG.format(project="support") + section)).ruleset.audit
    assert plan is not None
    assert (plan.active.enough, plan.active.seen) == (20, {"output.label": {"refund": 4}})
    shares = [plan.share_of({"type": "ticket_intent", "output": {"label": each}}, "rest") for each in ("refund", "x")]
    assert shares == [pytest.approx(0.34), pytest.approx(0.4)]


async def test_the_values_that_were_seen_are_counted_for_the_table(http: httpx.AsyncClient, world: World) -> None:
    for label, tags in (("refund", ["web"]), ("refund", []), ("lost_card", ["web", "beta"])):
        await world.submit(output={"label": label}, tags=tags, metadata={"tier": 7, "of": {"no": "use"}})
    headers = {"Authorization": f"Bearer {world.tokens['lea']}"}
    for path, values in (
        ("output.label", {"refund": 2, "lost_card": 1}),
        ("tags", {"web": 2, "beta": 1}),
        ("metadata.tier", {"7": 3}),
        ("metadata.of", {}),
        ("input.nothing", {}),
    ):
        answer = await http.get(f"/api/v1/assurance/seen?type=ticket_intent&path={path}", headers=headers)
        assert (answer.status_code, answer.json()["values"]) == (200, values), answer.text
        plan = Active(novelty=1.0, enough=1, seen={path: values})
        given = submission(output={"label": "refund"}, tags=["web"], metadata={"tier": 7})
        assert plan.novelty_of(given) == 0.0, "what was counted is found again under the same name"
    refused = await http.get("/api/v1/assurance/seen?type=ticket_intent&path=route.rule", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
