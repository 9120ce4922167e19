"""Comments, questions and presence on the pages (issue 5, point 8), and who does not hear them."""

import httpx

from review.web import presence
from tests.make import World

SECRET = "surely a refund"


def key_of(world: World, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.tokens[name]}"}


async def test_a_comment_is_kept_from_who_is_still_to_judge_until_their_answer_is_in(
    http: httpx.AsyncClient, world: World
) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    await world.claim("ana")
    (second,) = await world.claim("ben")
    url = f"/api/v1/items/{item_id}/comments"
    written = await http.post(url, json={"text": f"@lea {SECRET}"}, headers=key_of(world, "ana"))
    assert written.status_code == 201
    assert (await http.get(url, headers=key_of(world, "ben"))).json() == {"data": [], "withheld": 1}
    history = await http.get(f"/api/v1/items/{item_id}/history", headers=key_of(world, "ben"))
    assert SECRET not in history.text
    assert SECRET in (await http.get(url, headers=key_of(world, "lea"))).text
    assert SECRET in (await http.get(url, headers=key_of(world, "ana"))).text
    told = await world.db.hot.fetch("SELECT payload::text AS p FROM events WHERE kind IN ('item.commented')")
    assert [SECRET in row["p"] for row in told] == [False]
    await world.judge("ben", second, "approve")
    assert await world.count("events", kind="item.mentioned") == 1


async def test_a_comment_on_what_one_person_judges_reaches_them(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit()).item.id
    await world.claim("ana")
    url = f"/api/v1/items/{item_id}/comments"
    await http.post(url, json={"text": SECRET}, headers=key_of(world, "lea"))
    assert SECRET in (await http.get(url, headers=key_of(world, "ana"))).text


async def test_a_comment_must_say_something(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit()).item.id
    url = f"/api/v1/items/{item_id}/comments"
    assert (await http.post(url, json={"text": "  "}, headers=key_of(world, "lea"))).status_code == 422


async def test_presence_without_redis_tells_of_nobody(world: World) -> None:
    class Away:
        def pipeline(self, **_given: object) -> object:
            raise OSError

    item_id = (await world.submit()).item.id
    assert await presence.note(Away(), who=world.people["ana"], item_id=item_id) == []


def test_a_name_that_would_tell_who_judges_beside_is_not_said() -> None:
    assert presence.said(["ana@example.com"], is_kept=True) == "Somebody else looks at this item now."
    assert presence.said(["ana@example.com"], is_kept=False) == "ana@example.com looks at this item now."
    assert presence.said([], is_kept=True) == ""
