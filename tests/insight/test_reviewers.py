"""Promise 33: how each reviewer's judgements fared, with the counts, and silence where they are too few."""

from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.decisions.rules import Verdict
from review.insight.rules import FEWEST, share_of
from review.reviewing import service as reviewing
from review.reviewing.schemas import JudgementIn
from tests import limited
from tests.make import World


@given(of=st.integers(0, 50), part=st.floats(0, 1))
def test_a_share_is_told_of_enough_and_of_no_fewer(of: int, part: float) -> None:
    told = share_of(int(of * part), of)
    assert (told.share is None) == (of < FEWEST)
    assert told.share is None or 0 <= told.share <= 1


async def figures(http: httpx.AsyncClient, world: World, name: str = "lea", query: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {world.tokens[name]}"}
    answer = await http.get(f"/api/v1/reviewers{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return {each["email"].partition("@")[0]: each for each in answer.json()["data"]}


async def panel(world: World, ana: str, ben: str, settled: str = "") -> Any:
    """Have ana and ben judge one item, and sam settle it where they differ."""
    item = (await world.submit(tags=["panel"])).item
    for name, verdict in (("ana", ana), ("ben", ben)):
        (held,) = await world.claim(name)
        output = {"output": {"label": "refund"}} if verdict == "correct" else {}
        await world.judge(name, held, verdict, **output)
    if settled:
        (held,) = await world.claim("sam", pool="seniors")
        await world.judge("sam", held, settled)
    return item


async def test_agreement_overturns_and_times_are_counted(http: httpx.AsyncClient, world: World) -> None:
    for _ in range(8):
        await panel(world, "correct", "correct")
    for _ in range(4):
        await panel(world, "approve", "reject", "reject")
    overturned = await panel(world, "approve", "approve")
    submitted = JudgementIn(verdict=Verdict.REJECT, comment="policy")
    async with world.db.transaction() as tx:
        bench = limited.bench(world)
        await reviewing.override(tx, bench, who=world.people["lea"], item_id=overturned.id, submitted=submitted)
    for _ in range(3):
        await world.submit()
        (held,) = await world.claim("cleo")
        await world.judge("cleo", held, "approve")
    found = await figures(http, world)
    ana, ben, cleo, sam = (found[name] for name in ("ana", "ben", "cleo", "sam"))
    assert (ana["reviews"], ana["agreement"]["count"], ana["agreement"]["of"]) == (13, 8, 13)
    assert ana["agreement"]["share"] == pytest.approx(8 / 13)
    assert (ben["agreement"]["count"], ben["overturned"]["count"], ben["overturned"]["of"]) == (12, 1, 13)
    assert ana["overturned"] == {"count": 1, "of": 9, "share": None}
    assert ana["median_seconds"] >= 0
    assert (cleo["reviews"], cleo["too_few"], cleo["median_seconds"]) == (3, True, None)
    assert cleo["agreement"] == {"count": 0, "of": 0, "share": None}, "with oneself everybody agrees"
    assert (sam["agreement"]["count"], sam["agreement"]["of"]) == (4, 4)
    assert all(one < other for one, other in pairwise(found))


async def test_it_is_for_leads_and_of_a_time(http: httpx.AsyncClient, world: World) -> None:
    await panel(world, "approve", "approve")
    await world.db.hot.execute("UPDATE reviews SET submitted_at = now() - interval '40 days'")
    assert await figures(http, world, query="?days=30") == {}
    assert set(await figures(http, world, query="?days=60")) == {"ana", "ben"}
    for secret in (world.tokens["ana"], world.service_key):
        answer = await http.get("/api/v1/reviewers", headers={"Authorization": f"Bearer {secret}"})
        assert answer.json()["code"] == "not_permitted"
    for days in ("0", "367", "x"):
        headers = {"Authorization": f"Bearer {world.tokens['lea']}"}
        assert (await http.get(f"/api/v1/reviewers?days={days}", headers=headers)).status_code in {400, 422}
