"""The item's story says which receivers were told of its outcome, and at which try."""

from datetime import timedelta

import httpx
import msgspec

from review.delivery.webhooks.dispatch import Dispatcher
from review.identity.rules import Role
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.delivery.feed.relaying import relay
from tests.delivery.webhooks.post import Post
from tests.delivery.webhooks.receiver import receiving
from tests.make import CONFIG, World
from tests.web.test_pages import HTML, sign_in

DAY = timedelta(days=1)


async def test_the_story_tells_who_was_told_and_at_which_try(
    http: httpx.AsyncClient, db: Database, settings: Settings
) -> None:
    local = msgspec.structs.replace(settings, webhook_allow_networks=("127.0.0.0/8",), webhook_allow_http=True)
    async with receiving() as crm, receiving() as erp:
        world = await World.build(db, local, source=CONFIG.format(project="support") + _hooks(crm=crm.url, erp=erp.url))
        item = (await world.submit(confidence=0.99)).item
        await relay(world)
        post = Post(world, local)
        crm.secrets.append(await post.secret("crm"))
        erp.status, crm.status = "500 Oops", "503 Busy"
        dispatcher = Dispatcher(db, local)
        await dispatcher.drain()
        crm.status = "204 No Content"
        for _ in range(12):
            await post.pass_time(DAY)
            await dispatcher.drain()
        await dispatcher.close()
    await sign_in(http, world, role=Role.LEAD)
    page = (await http.get(f"/p/support/items/{item.id}", headers=HTML)).text
    assert "crm was told of the decision, at try 2." in page
    assert "erp could not be told of the decision, and the delivery was given up." in page


def _hooks(**urls: str) -> str:
    return "webhooks:\n" + "".join(
        f"  - {{name: {name}, url: '{url}', events: [item.decided]}}\n" for name, url in urls.items()
    )
