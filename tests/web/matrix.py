"""The matrix of who may call what: every route by every role, in one's own and in foreign projects and pools.

A route needs a row here, with what it takes to call it. What its cells say follows from the permission in the route's
`opt`; `tests/web/test_matrix.py` calls each and holds docs/access.md to the table. Write that anew with
`python -m tests.web.matrix`.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

from litestar.handlers import HTTPRouteHandler

from review.identity.rules import PERMISSIONS, WITHIN_POOLS, Permission, Role, beyond_reach
from review.web.guards import OF_LITESTAR, PERMISSION, PUBLIC
from tests.conftest import OF_TESTS, built_app
from tests.web.rows import ROWS, Row

PAGE = Path(__file__).parents[2] / "docs" / "access.md"
API, PAGES = "/api/v1", "/p/{project}"
ANY_ROLE = "any_role"  # opt key of what asks for a signed-in person and no more
OF_A_POOL = ("item_id", "assignment_id", "pool")  # what stands in a pool, by the names that paths give it

CUSTOM = "pool-lead"  # a role of the project's own: a lead of their pools, and of nothing else
ROLES: dict[str, frozenset[Permission]] = {role.value: carried for role, carried in PERMISSIONS.items()} | {
    CUSTOM: frozenset(
        {Permission.READ_ITEMS, Permission.WORK, Permission.COMMENT, Permission.OVERRIDE, Permission.PAUSE}
        | {Permission.OWN_TOKENS}
    )
}


@dataclass(frozen=True)
class Route:
    """One call as the application has it."""

    method: str
    path: str
    handler: HTTPRouteHandler

    @property
    def name(self) -> str:
        """The call in a word, as a row is named."""
        return f"{self.method} {self.path}"

    @property
    def is_api(self) -> bool:
        """Whether it wants a bearer key, and no session."""
        return self.path.startswith(API)

    @property
    def permission(self) -> Permission | None:
        """What it asks for; None where it asks for nothing, or for a signed-in person alone."""
        return self.handler.opt.get(PERMISSION)

    @property
    def is_public(self) -> bool:
        """Whether anybody may call it."""
        return bool(self.handler.opt.get(PUBLIC))

    @property
    def names(self) -> tuple[str, ...]:
        """What its path names, besides the project."""
        return tuple(name for name in re.findall(r"\{(\w+)\}", self.path) if name not in {"project", "file_path"})

    @property
    def row(self) -> Row:
        """What it takes to call it.

        A KeyError says what to add for a route that has no row.
        """
        if self.name not in ROWS:
            message = f'{self.name} has no row: add `"{self.name}": Row(…),` to ROWS in tests/web/matrix.py'
            raise KeyError(message)
        return ROWS[self.name]

    def lets(self, role: str) -> bool:
        """Tell whether a role may call it."""
        if self.is_public:
            return True
        if role == Role.SERVICE and not self.is_api:
            return False  # a key opens no page
        carried = ROLES[role]
        return self.permission is None or (self.permission in carried and self.permission not in beyond_reach(carried))


@cache
def routes() -> list[Route]:
    """List every call of the application, by path and method."""
    found = [
        Route(method, route.path_format, handler)
        for route in built_app(OF_TESTS).routes
        if not route.path.startswith(OF_LITESTAR)
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
        if method != "OPTIONS"
    ]
    return sorted(found, key=lambda each: (each.path, each.method))


def api_routes() -> list[Route]:
    """List every call of the API."""
    return [route for route in routes() if route.is_api]


def filled(path: str, **ids: object) -> str:
    """Fill in the path of a call with things that are nowhere, but for a pool, an endpoint and an item type."""
    known = {
        "pool": "triage",
        "name": "crm",
        "item_type": "ticket_intent",
        "project": "support",
        "version": 999,
        "number": 999,
        "import_number": 999,
    }
    named: list[str] = re.findall(r"\{(\w+)\}", path)
    return path.format(**{name: known.get(name, uuid4() if name.endswith("_id") else "x") for name in named} | ids)


def page_routes() -> list[Route]:
    """List every page of a project."""
    return [route for route in routes() if route.path.startswith(PAGES)]


def is_pool_bound(role: str) -> bool:
    """Tell whether a role sees only the pools one is in."""
    return Permission.ALL_POOLS not in ROLES[role]


def cells(route: Route) -> list[str]:
    """Give a route's line of the table."""
    asks = "nothing" if route.is_public else f"`{route.permission}`" if route.permission else "a signed-in person"
    is_pooled = route.permission in WITHIN_POOLS and route.permission is not Permission.OWN_TOKENS
    told = [_told(route, role, is_pooled=is_pooled) for role in ROLES]
    is_ones_own = route.permission is not None
    foreign = "404" if is_ones_own and (route.names or not route.is_api) else "left out" if is_ones_own else ""
    pool = "" if not is_pooled else "404" if set(route.names) & set(OF_A_POOL) else "left out"
    return [f"`{route.name}`", asks, *told, foreign, pool]


def _told(route: Route, role: str, *, is_pooled: bool) -> str:
    if not route.lets(role):
        return ""
    return "in their pools" if is_pooled and is_pool_bound(role) else "yes"


def tables() -> dict[str, str]:
    """Write the tables of docs/access.md, by the name of the mark that each stands behind."""
    carried = [
        [f"`{permission}`", *("yes" if permission in ROLES[role] else "" for role in ROLES if role != CUSTOM)]
        for permission in Permission
    ]
    return {
        "permissions": _table(["permission", *(f"`{role}`" for role in ROLES if role != CUSTOM)], carried),
        "routes": _table(
            ["call", "asks for", *(f"`{role}`" for role in ROLES), "other project", "other pool"],
            [cells(route) for route in routes()],
        ),
    }


def _table(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])


def written(text: str) -> str:
    """Put the tables into the page's text, each between its marks."""
    for name, table in tables().items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        text = f"{before}{mark}{table}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return text


ROUTES = [(route.method, route.path, route.handler) for route in api_routes()]
OF_ONE = [(method, path) for method, path, _ in ROUTES if "_id}" in path]

if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
