"""What taking an item in costs in statements, alone and in company, and that company changes nothing else."""

import asyncio
from collections.abc import Sequence

import asyncpg
import httpx
import msgspec

from review.intake import coalescing
from review.intake import service as intake
from review.intake.coalescing import Gatherings
from review.items.errors import ConflictingResubmission, PayloadInvalid
from review.kernel.settings import Settings
from tests.intake.test_stops import post
from tests.make import World, submission
from tests.registry.test_register import NEXT, ask, send


async def test_a_submission_asks_who_is_calling_and_stores_and_no_more(
    http: httpx.AsyncClient, world: World, settings: Settings, statements: list[str]
) -> None:
    del settings
    headers = {"Authorization": f"Bearer {world.service_key}"}
    for external_id in ("loads the configuration", "counts"):
        statements.clear()
        answer = await http.post("/api/v1/items", json=submission(external_id=external_id), headers=headers)
        assert answer.status_code == 201
    assert [_first_words(each) for each in statements] == ["SELECT k.project_id, k.id AS", "WITH given AS ("]


async def test_clearing_costs_intake_a_statement_only_after_something_was_cleared(
    http: httpx.AsyncClient, world: World, statements: list[str]
) -> None:
    await ask(world)
    seen: list[list[str]] = []
    for at in range(4):
        if at == 2:
            await post(http, "models/clear", world.tokens["lea"], NEXT | {"reason": "good"})
        statements.clear()
        await send(http, world, NEXT)
        seen.append([" ".join(each.split()[:2]) for each in statements])
    usual = ["SELECT k.project_id,", "WITH given"]
    assert seen[1] == seen[3] == usual
    assert seen[2] == ["SELECT k.project_id,", "SELECT p.models_stamp", "WITH given"]


async def test_submissions_that_arrive_together_share_statements(world: World, statements: list[str]) -> None:
    accepted = await asyncio.gather(*(world.submit(external_id=f"m-{number}") for number in range(60)))
    assert all(each.created for each in accepted)
    assert len({each.item.id for each in accepted}) == await world.count("items") == await world.count("cases") == 60
    stores = [each for each in statements if "INSERT INTO items" in each]
    assert len(stores) <= 1 + coalescing.LANES, "a statement for nearly each: nobody shares"


async def test_of_the_same_item_sent_many_times_at_once_one_is_stored(world: World) -> None:
    accepted = await asyncio.gather(*(world.submit(external_id="again") for _ in range(30)))
    assert [each.created for each in accepted].count(True) == 1
    assert len({each.item.id for each in accepted}) == await world.count("items") == 1


async def test_what_is_refused_in_company_is_refused_alone(world: World) -> None:
    await world.submit("as it was", external_id="taken")
    outcomes = await asyncio.gather(
        *(world.submit(external_id=f"fine-{number}") for number in range(10)),
        world.submit("changed since", external_id="taken"),
        world.submit(label="no such label"),
        *(world.submit(external_id=f"fine-{number}") for number in range(10, 20)),
        return_exceptions=True,
    )
    refused = [type(each) for each in outcomes if isinstance(each, BaseException)]
    assert refused == [ConflictingResubmission, PayloadInvalid]
    assert await world.count("items") == 21


async def test_different_callers_are_kept_apart(world: World, statements: list[str]) -> None:
    other = msgspec.structs.replace(world.service, name="another service")
    desks = (world.desk(), msgspec.structs.replace(world.desk(), who=other))
    await asyncio.gather(
        *(
            intake.submit(
                desk, msgspec.json.encode(submission(external_id=f"{at}-{desk.who.name}")), idempotency_key=None
            )
            for at in range(10)
            for desk in desks
        )
    )
    names = await world.db.hot.fetch(
        "SELECT actor_name, count(*) FROM audit_entries WHERE action = 'item.submitted' GROUP BY 1"
    )
    assert {row[0]: row[1] for row in names} == {"crm": 10, "another service": 10}
    assert len([each for each in statements if "INSERT INTO items" in each]) <= 2 * (1 + coalescing.LANES)


async def test_a_statement_that_is_refused_is_tried_again_for_each_alone() -> None:
    groups: list[list[int]] = []

    async def act(group: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        groups.append(list(group))
        if 13 in group:
            message = "13 cannot be stored"
            raise asyncpg.DataError(message)
        return [each * 2 for each in group]

    together: Gatherings[int, int] = Gatherings()
    outcomes = await asyncio.gather(*(together.join("kind", each, act) for each in range(20)), return_exceptions=True)
    assert [each for each in outcomes if not isinstance(each, BaseException)] == [n * 2 for n in range(20) if n != 13]
    assert isinstance(outcomes[13], asyncpg.DataError)
    assert max(len(group) for group in groups) > 1


async def test_a_statement_whose_fate_is_unknown_is_not_tried_again() -> None:
    tries: list[int] = []

    async def act(group: Sequence[int]) -> list[int]:
        tries.extend(group)
        await asyncio.sleep(0)
        message = "the connection was lost in the middle of the commit"
        raise asyncpg.ConnectionDoesNotExistError(message)

    together: Gatherings[int, int] = Gatherings()
    outcomes = await asyncio.gather(*(together.join("kind", each, act) for each in range(9)), return_exceptions=True)
    assert all(isinstance(each, asyncpg.ConnectionDoesNotExistError) for each in outcomes)
    assert sorted(tries) == list(range(9))


async def test_nobody_is_answered_before_the_statement_that_holds_them_has_ended() -> None:
    release = asyncio.Event()
    lanes: asyncio.Queue[None] = asyncio.Queue()
    begun: list[int] = []

    async def act(group: Sequence[int]) -> Sequence[int]:
        begun.extend(group)
        lanes.put_nowait(None)
        await release.wait()
        return group

    together: Gatherings[int, int] = Gatherings()
    callers: list[asyncio.Task[int]] = []
    for each in range(6):
        callers.append(asyncio.create_task(together.join("kind", each, act)))
        if each < coalescing.LANES:
            await lanes.get()
    callers[5].cancel()
    await asyncio.wait(callers[5:])
    assert not any(caller.done() for caller in callers[:5])
    release.set()
    assert await asyncio.gather(*callers[:5]) == [0, 1, 2, 3, 4]
    assert 5 not in begun, "somebody who had gone was stored"


def _first_words(statement: str) -> str:
    return " ".join(statement.split()[:4])
