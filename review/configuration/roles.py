"""Roles that a project adds to the built-in ones: names for bundles of permissions."""

import msgspec

from review.configuration.checks import Checks, mapping_of
from review.identity.rules import ADMIN_ONLY, Permission, Role, beyond_reach
from review.kernel.sentences import say

MAX_ROLES = 50


class CustomRole(msgspec.Struct, frozen=True):
    """A role of the project's own."""

    name: str
    title: str
    may: frozenset[Permission]


def read_roles(checks: Checks, given: object) -> dict[str, CustomRole]:
    """Check and compile the roles.

    None may carry what is the admin's alone, nor what cannot be kept to pools without reaching all of them.
    """
    found: dict[str, CustomRole] = {}
    for name, value in checks.mapping("roles", given).items():
        path, role = f"roles.{name}", mapping_of(value)
        checks.name(path, name)
        if name in set(Role):
            checks.add(path, say("`%(name)s` is a built-in role; give yours another name", name=name))
        if role is None:
            checks.add(path, say("must be a mapping: {title, may}"))
            continue
        checks.keys(path, role, ("title", "may"), required=("may",))
        may = _permissions(checks, f"{path}.may", role.get("may"))
        found[name] = CustomRole(name, checks.text(f"{path}.title", role.get("title")) or name, may)
    if len(found) > MAX_ROLES:
        checks.add("roles", say("has %(count)s entries; there may be %(most)s", count=len(found), most=MAX_ROLES))
    return found


def _permissions(checks: Checks, path: str, given: object) -> frozenset[Permission]:
    values = checks.texts(path, given)
    known = [
        checks.known(f"{path}[{at}]", value, [each.value for each in Permission], say("permission"))
        for at, value in enumerate(values)
    ]
    may = frozenset(Permission(value) for value in known if value)
    if not values and given is not None:
        checks.add(path, say("must be a list of at least one permission"))
    for at, value in enumerate(known):
        if value in ADMIN_ONLY:
            message = say(
                "`%(permission)s` is the built-in admin's alone, for whoever changes the configuration changes what "
                "roles carry",
                permission=value,
            )
            checks.add(f"{path}[{at}]", message)
        elif value and Permission(value) in beyond_reach(may):
            checks.add(
                f"{path}[{at}]",
                say("`%(permission)s` is about the whole project and needs `pools:all` beside it", permission=value),
            )
    return may
