"""An erased item as it is shown: calmly, with what happened to it and without what it said."""

from pathlib import Path

import httpx
import msgspec

from review.erasure.schemas import ErasureView
from review.identity.rules import Role
from review.kernel.settings import Settings
from tests.erasure import marks
from tests.intake.test_stops import bearer
from tests.make import OF_A_PAGE, World
from tests.web.scene import enter


async def test_the_api_and_the_page_say_when_it_was_erased_and_by_whom(
    http: httpx.AsyncClient, world: World, settings: Settings, tmp_path: Path
) -> None:
    """Promise 32: decision and times stay."""
    settings = msgspec.structs.replace(settings, snapshot_store=(tmp_path / "store").as_uri())
    item_id = (await world.submit(f"I am {marks.MARK}", external_id=marks.MARK)).item.id
    await world.judge("ana", (await world.claim("ana"))[0], "approve", comment=marks.MARK)
    await marks.settle(world)
    place = f"/p/{world.project}/items/{item_id}"
    asking = f"/p/{world.project}/erasures?item={item_id}"
    lead = await enter(http, world, Role.LEAD)
    assert asking not in (await http.get(place, headers={"Cookie": f"countersign={lead.cookie}", **OF_A_PAGE})).text
    caller = await enter(http, world, Role.ADMIN)
    headers = {"Cookie": f"countersign={caller.cookie}", **OF_A_PAGE}
    before = (await http.get(place, headers=headers)).text
    assert asking in before
    assert f"{asking}&amp;of=subject" not in before, "it has no subject"
    assert f'value="{item_id}"' in (await http.get(asking, headers=headers)).text
    form = {"_csrf": caller.csrf, "item": str(item_id), "subject": "", "reason": "they asked"}

    seen = await http.post(f"/p/{world.project}/erasures/preview", data=form, headers=headers)
    assert "It reaches 1 item" in seen.text
    asked = await http.post(f"/p/{world.project}/erasures", data=form, headers=headers)
    assert asked.status_code == 303
    world.people["ada"] = world.people["admin"]
    erasure_id = asked.headers["location"].rsplit("/", 1)[1]
    found = await http.get(f"/api/v1/erasures/{erasure_id}", headers=bearer(caller.secret))
    view = msgspec.json.decode(found.content, type=ErasureView)
    await marks.work(world, settings, view)

    item = (await http.get(f"/api/v1/items/{item_id}", headers=bearer(caller.secret))).json()
    assert item["erased"]["by"] == "admin@example.com"
    assert (item["input"], item["external_id"], item["decision"]["verdict"]) == (None, None, "approve")
    for path in (f"/items/{item_id}", "/queue?status=any", "/erasures", f"/erasures/{view.id}", "/audit"):
        page = await http.get(f"/p/{world.project}{path}", headers=headers)
        assert page.status_code == 200, path
        assert marks.MARK not in page.text
    shown = (await http.get(f"/p/{world.project}/items/{item_id}", headers=headers)).text
    assert "What this item said was erased on" in shown
    assert "What the model saw" not in shown
    assert f"/p/{world.project}/erasures/{view.id}" in shown, "an item that was erased leads to its erasure"
    assert asking not in shown


async def test_the_form_names_the_subject_of_the_item_that_one_came_from(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit("I moved", subject="customer-42")).item.id
    caller = await enter(http, world, Role.ADMIN)
    headers = {"Cookie": f"countersign={caller.cookie}", **OF_A_PAGE}
    asking = f"/p/{world.project}/erasures?item={item_id}"
    page = (await http.get(f"/p/{world.project}/items/{item_id}", headers=headers)).text
    assert f"{asking}&of=subject" in page.replace("&amp;", "&")
    found = [(await http.get(f"{path}&of=subject", headers=headers)).text for path in (asking, f"{asking[:-3]}abc")]
    assert ['value="customer-42"' in each for each in found] == [True, False]
