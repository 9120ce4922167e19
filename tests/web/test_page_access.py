"""Promise 22 for the pages: every page and form by every role, and by nobody."""

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from review.identity.rules import PERMISSIONS, PERSONAL_ROLES, Permission, Role
from review.kernel.settings import Settings
from review.web.app import create_app
from review.web.guards import PERMISSION
from tests.make import PASSWORD, World
from tests.web.test_access import filled
from tests.web.test_pages import token

OF_A_PROJECT = "/p/{project}"


def page_routes() -> list[tuple[str, str, HTTPRouteHandler]]:
    """List every page of a project: method, path, handler."""
    app = create_app(Settings(database_url="postgresql://nowhere", redis_url="redis://nowhere"))
    found = [
        (method, route.path_format, handler)
        for route in app.routes
        if route.path_format.startswith(OF_A_PROJECT)
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
        if method != "OPTIONS"
    ]
    return sorted(found, key=lambda each: each[:2])


ROUTES = page_routes()


def address(path: str) -> str:
    return filled(path, project="support", channel="ops")


def test_the_pages_of_clocks_and_webhooks_ask_for_what_they_should() -> None:
    asked = {f"{method} {path.removeprefix(OF_A_PROJECT)}": handler.opt[PERMISSION] for method, path, handler in ROUTES}
    expected = {
        "GET /due": Permission.READ_ITEMS,
        "GET /clocks": Permission.READ_ITEMS,
        "GET /items/{item_id}": Permission.READ_ITEMS,
        "POST /items/{item_id}/pause": Permission.PAUSE,
        "POST /items/{item_id}/resume": Permission.PAUSE,
        "POST /items/{item_id}/acknowledge": Permission.WORK,
        "GET /webhooks": Permission.READ_WEBHOOKS,
        "GET /webhooks/{name}": Permission.READ_WEBHOOKS,
        "GET /webhooks/deliveries/{delivery_id}": Permission.READ_WEBHOOKS,
        "POST /webhooks/deliveries/{delivery_id}/replay": Permission.WRITE_WEBHOOKS,
        **{
            f"POST /webhooks/{{name}}/{act}": Permission.WRITE_WEBHOOKS
            for act in ("secret", "rotate", "test", "enable", "disable", "replay")
        },
    }
    assert expected.items() <= asked.items()


@pytest.mark.parametrize("role", PERSONAL_ROLES, ids=[role.value for role in PERSONAL_ROLES])
async def test_every_page_opens_to_those_who_may_and_to_nobody_else(
    http: httpx.AsyncClient, world: World, role: Role
) -> None:
    await world.add_person("max", role, password=PASSWORD)
    await http.post("/sign-in", data={"email": "max@example.com", "password": PASSWORD})
    form = {"_csrf": await token(http)}
    for method, path, handler in ROUTES:
        answer = await http.request(method, address(path), data=form if method == "POST" else None)
        told = f"{role} {method} {path}: {answer.status_code} {answer.text[:200]}"
        is_refused = answer.status_code == 403 and answer.json()["code"] == "not_permitted"
        assert is_refused == (handler.opt[PERMISSION] not in PERMISSIONS[role]), told
        assert answer.status_code < 500, told
        assert answer.status_code != 401, told


async def test_strangers_are_asked_to_sign_in_by_every_page(http: httpx.AsyncClient, world: World) -> None:
    assert world.project == "support"
    for method, path, _ in ROUTES:
        answer = await http.request(method, address(path))
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated"), f"{method} {path}"
